// Where the kernel may assign ports that the enforced profile reserves: for `portreeve guard` and the doctor.

import type { Io } from '../../kit/io.ts';
import { emphasize } from '../../kit/text.ts';
import { formatPortList } from '../../text/port-list.ts';
import type { AssignableIn } from '../app/assigned-ports.ts';

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
