// Text for sockets and their owners, shared by `portreeve ports` and `portreeve who`.
import { hostPortText } from '../../base/address.ts';
import type { EndRecord, OwnerRecord, PortRecord } from './port-records.ts';

const OWNERS_SHOWN_MAX = 3;

/** The name of an interface, by its index. */
export type InterfaceName = (index: number) => string | undefined;

/** The bound address: "0.0.0.0", "::1", "fe80::1%eth0"; "*" for IPv4 and IPv6. */
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

/** "nginx (pid 812, nginx.service)", "unknown (user alice)", or "" if no process has it open. */
export function ownerText(record: PortRecord): string {
  const { owners, inode } = record;
  const place = placeText(record);
  const [first] = owners;
  if (first) {
    const names = owners.length === 1 ? first.name : namesText(owners);
    return `${names} (${pidsText(owners)}${place === undefined ? '' : `, ${place}`})`;
  }
  if (inode === 0) return '';
  return `unknown (${userText(record)})`;
}

/** What is known of an owner that could not be found: "user alice, nginx.service". */
export function userText(record: PortRecord): string {
  const { user, uid } = record;
  const place = placeText(record);
  return `${user === null ? `uid ${uid}` : `user ${user}`}${place === undefined ? '' : `, ${place}`}`;
}

function namesText(owners: readonly OwnerRecord[]): string {
  return [...new Set(owners.map(({ name }) => name))].join(', ');
}

function pidsText(owners: readonly OwnerRecord[]): string {
  if (owners.length === 1) return `pid ${owners[0]?.pid}`;
  const pids = owners.slice(0, OWNERS_SHOWN_MAX).map(({ pid }) => pid);
  const more = owners.length - pids.length;
  return `pids ${pids.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** The container that docker-proxy forwards to, or the owner's container or unit. */
function placeText({ forwardsTo, container, unit }: PortRecord): string | undefined {
  if (forwardsTo) return `for a container at ${endText(forwardsTo)}`;
  return container ? `${container.runtime} ${container.id}` : (unit ?? undefined);
}
