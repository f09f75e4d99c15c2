// Words for sockets and for whoever holds them.
import { hostPortText } from '../../base/address.ts';
import type { EndRecord, OwnerRecord, PortRecord } from './port-records.ts';

/** How many owners are named. */
const OWNERS_NAMED = 3;

/** What an interface is called by its index. */
export type InterfaceName = (index: number) => string | undefined;

/** Where it is bound: "0.0.0.0", "::1", "fe80::1%eth0"; "*" takes what comes by IPv4 and by IPv6. */
export function addressText(record: PortRecord, interfaceName: InterfaceName): string {
  const { address, v6Only, interface: index, remote } = record;
  const text = address === '::' && remote === null && !v6Only ? '*' : address;
  return index === 0 ? text : `${text}%${interfaceName(index) ?? index}`;
}

/** "LISTEN"; "TIME_WAIT 43 s" */
export function stateText({ state, expiresMs }: PortRecord): string {
  return expiresMs === null ? state : `${state} ${secondsText(expiresMs)}`;
}

export function secondsText(ms: number): string {
  return `${Math.ceil(ms / 1000)} s`;
}

export function endText({ address, port }: EndRecord): string {
  return hostPortText(address, port);
}

/** "nginx (pid 812, nginx.service)"; what is known of whoever cannot be seen; "" where there is nobody. */
export function ownerText(record: PortRecord): string {
  const { owners, inode, user, uid } = record;
  const place = placeText(record);
  const [first] = owners;
  if (first) {
    const names = owners.length === 1 ? first.name : namesText(owners);
    return `${names} (${pidsText(owners)}${place === undefined ? '' : `, ${place}`})`;
  }
  if (inode === 0) return '';
  const whose = user === null ? `uid ${uid}` : `user ${user}`;
  return `a program of ${whose}${place === undefined ? '' : ` (${place})`}`;
}

function namesText(owners: readonly OwnerRecord[]): string {
  return [...new Set(owners.map(({ name }) => name))].join(', ');
}

function pidsText(owners: readonly OwnerRecord[]): string {
  if (owners.length === 1) return `pid ${owners[0]?.pid}`;
  const pids = owners.slice(0, OWNERS_NAMED).map(({ pid }) => pid);
  const more = owners.length - pids.length;
  return `pids ${pids.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** Where its holder runs: what docker's proxy serves, the container, the unit. */
function placeText({ forwardsTo, container, unit }: PortRecord): string | undefined {
  if (forwardsTo) return `for a container at ${endText(forwardsTo)}`;
  return container ? `${container.runtime} ${container.id}` : (unit ?? undefined);
}
