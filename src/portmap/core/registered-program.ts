// An RPC program that is registered with the port mapper of a host: its versions at one address.
import type { IpAddress } from '../../base/address.ts';
import { netIdInfo, parseNetId } from '../../base/netid.ts';
import type { Protocol } from '../../base/port.ts';
import { parseUaddr } from '../../wire/uaddr.ts';
import type { Rpcb } from '../wire/rpcbind.ts';

export interface RegisteredProgram {
  readonly program: number;
  /** Undefined if the program number has no known name. */
  readonly name: string | undefined;
  /** Ascending. */
  readonly versions: readonly number[];
  readonly protocol: Protocol;
  readonly address: IpAddress;
  readonly port: number;
  readonly owner: string | undefined;
}

/** The entries for TCP and UDP, with the versions of a program at one address combined. */
export function registeredPrograms(
  entries: readonly (Omit<Rpcb, 'owner'> & { readonly owner: string | undefined })[],
  nameOf: (program: number) => string | undefined,
): RegisteredProgram[] {
  const found = new Map<string, RegisteredProgram>();
  for (const { program, version, netid, address, owner } of entries) {
    const known = parseNetId(netid);
    const protocol = known ? netIdInfo(known).protocol : '';
    const endpoint = parseUaddr(address);
    if (protocol === '' || !endpoint) continue;
    const key = JSON.stringify([program, netid, address, owner]);
    const versions = [...(found.get(key)?.versions ?? []), version].sort((a, b) => a - b);
    found.set(key, { program, name: nameOf(program), versions, protocol, ...endpoint, owner });
  }
  return [...found.values()];
}
