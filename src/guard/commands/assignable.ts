// Where the kernel may assign ports that the enforced profile reserves: for `portreeve guard` and the doctor.

import { LinuxBpf } from '../../host/linux/kernel-bpf.ts';
import { GUARD_PINS } from '../../kit/directories.ts';
import type { Io } from '../../kit/io.ts';
import { emphasize } from '../../kit/text.ts';
import { ownState } from '../../profile/commands/settings.ts';
import { SqliteProfileArchive } from '../../profile/linux/profile-archive.ts';
import { formatPortList } from '../../text/port-list.ts';
import { assignableNow } from '../app/assigned.ts';
import type { AssignableIn } from '../app/assigned-ports.ts';
import { guardState } from '../app/guard.ts';
import type { GuardState } from '../app/kernel/kernel.ts';
import { assignedHere, type GuardOptions } from './deps.ts';

/** Undefined where it is not known: by which profile a guard at another place goes is recorded elsewhere. */
export function assignableHere(
  state: GuardState,
  options: Pick<GuardOptions, 'pins' | 'state'>,
  io: Io,
): readonly AssignableIn[] | undefined {
  if (options.pins !== undefined && options.state === undefined) return undefined;
  const directory = ownState(options.state, io);
  const deps = { archive: new SqliteProfileArchive(directory), assigned: assignedHere(directory) };
  return assignableNow(deps, state);
}

/** In the namespaces of the guard besides the one that we are in, which the doctor inspects itself. */
export function assignableElsewhere(io: Io): readonly AssignableIn[] {
  if (io.uid !== 0) return [];
  const bpf = new LinuxBpf();
  const state = guardState({ bpf }, GUARD_PINS);
  if (!state) return [];
  const own = bpf.namespaceCookie();
  return (assignableHere(state, {}, io) ?? []).filter(({ cookie }) => cookie !== own);
}

/** As JSON has it. */
export function assignableJson(found: readonly AssignableIn[] | undefined): object {
  const rows = found?.map(({ cookie, name, ports, reason }) => ({
    cookie: `${cookie}`,
    namespace: name,
    ports: ports ? formatPortList(new Set(ports)) : null,
    reason,
  }));
  return { assignable: rows ?? null };
}

/** A line for each; empty where there are none. */
export function assignableText(io: Io, found: readonly AssignableIn[] | undefined): string {
  const lines = (found ?? []).map(({ name, isHome, ports, reason }) => {
    const where = isHome ? '' : ` in the network namespace ${name}`;
    if (!ports) return `the reserved ports${where} cannot be checked: ${reason}`;
    const what = ports.length === 1 ? '1 reserved port' : `${ports.length} reserved ports`;
    return `the kernel may assign ${what}${where}: portreeve guard enforce writes the list, or reports why not`;
  });
  return lines.map((line) => `${emphasize(io, 'assigned')}  ${line}\n`).join('');
}
