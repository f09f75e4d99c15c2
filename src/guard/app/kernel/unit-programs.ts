// The optional programs that assign jobs to units in the kernel: installed where the host permits it.
import { PortreeveError } from '../../../base/errors.ts';
import type { CgroupEvent, KernelBpf, KernelProgram } from '../../../host/host.ts';
import { isProgramOf, loadProgram, type Maps, taggedProgram, UNIT_HOOKS } from './maps.ts';

/**
 * Attaches the programs and pins them in a directory. Where the kernel does not permit that, nothing is left behind,
 * and the daemon assigns the jobs.
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

/** Replaces the present program: for a moment both are called, and write the same. */
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

/** Whether this build's programs are attached for the guard in a directory. */
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

/** The program of the pinned link, which the caller closes; undefined where there is none. */
function programOfName(bpf: KernelBpf, path: string): KernelProgram | undefined {
  const link = bpf.openLink(path);
  try {
    return link && bpf.programById(link.programId);
  } finally {
    link?.close();
  }
}

/** Attaches this build's programs where they are missing or are another build's. */
export function renewUnits(bpf: KernelBpf, directory: string, maps: Maps): void {
  if (!areUnitsNamed(bpf, directory, maps)) attachUnits(bpf, directory, maps);
}
