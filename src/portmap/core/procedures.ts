// The names of the port mapper's procedures.
import { PMAPPROC } from '../wire/portmap.ts';
import { RPCBIND_VERSION_4, RPCBPROC } from '../wire/rpcbind.ts';

const VERSION_2 = byNumber(PMAPPROC);
const VERSION_3 = byNumber(RPCBPROC);
/** RFC 1833 section 2.2.1: version 4 has BCAST where version 3 has CALLIT. */
const VERSION_4 = byNumber({ ...RPCBPROC, BCAST: RPCBPROC.CALLIT });

function byNumber(procedures: Readonly<Record<string, number>>): ReadonlyMap<number, string> {
  return new Map(Object.entries(procedures).map(([name, number]) => [number, name]));
}

/** The name of a procedure of program 100000, such as GETPORT; its number if it has no name. */
export function procedureName(version: number, procedure: number): string {
  const names = version === RPCBIND_VERSION_4 ? VERSION_4 : version === 2 ? VERSION_2 : VERSION_3;
  return names.get(procedure) ?? `${procedure}`;
}
