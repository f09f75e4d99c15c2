// The programs that name units in the kernel: they are put in where the host lets them, and the guard goes on without.
import { PortreeveError } from '../../../base/errors.ts';
import type { CgroupEvent, KernelBpf, KernelProgram } from '../../../host/host.ts';
import { isProgramOf, loadProgram, type Maps, taggedProgram, UNIT_HOOKS } from './maps.ts';

/**
 * Has units named in the kernel, by programs with names in a directory. Where the kernel does not let us nothing is
 * left of them, and units are jobs when the daemon has seen them.
 */
export function attachUnits(bpf: KernelBpf, directory: string, maps: Maps): void {
  try {
    for (const event of UNIT_HOOKS) attach(bpf, directory, maps, event);
  } catch (thrown) {
    if (!(thrown instanceof PortreeveError) || thrown.kind !== 'environment') throw thrown;
    for (const event of UNIT_HOOKS) {
      bpf.unpin(`${directory}/${event}`);
      bpf.unpin(newName(directory, event));
    }
  }
}

const newName = (directory: string, event: CgroupEvent): string => `${directory}/${event}_new`;

/** Takes the place of the one that is there: for a moment both are called, and write the same. */
function attach(bpf: KernelBpf, directory: string, maps: Maps, event: CgroupEvent): void {
  const link = bpf.attachEvent(event, () => loadProgram(bpf, event, maps));
  try {
    bpf.unpin(newName(directory, event));
    bpf.pin(link, newName(directory, event));
    bpf.rename(newName(directory, event), `${directory}/${event}`);
  } finally {
    link.close();
  }
}

/** Whether units are named in the kernel by the guard at a place, and by the programs of this build. */
export function areUnitsNamed(bpf: KernelBpf, directory: string, maps: Maps): boolean {
  return UNIT_HOOKS.every((event) => {
    const program = programOfName(bpf, `${directory}/${event}`);
    program?.close();
    return (
      program !== undefined &&
      isProgramOf(event, program) &&
      bpf.tags(taggedProgram(event)).includes(program.tag) &&
      program.mapIds.includes(maps.cgroups.info.id)
    );
  });
}

/** The program that the link of a name calls, which is the caller's to close; undefined where there is none. */
function programOfName(bpf: KernelBpf, path: string): KernelProgram | undefined {
  const link = bpf.openLink(path);
  try {
    return link && bpf.programById(link.programId);
  } finally {
    link?.close();
  }
}

/** Puts the programs of this build in the place of others, and in where there are none. */
export function renewUnits(bpf: KernelBpf, directory: string, maps: Maps): void {
  if (!areUnitsNamed(bpf, directory, maps)) attachUnits(bpf, directory, maps);
}
