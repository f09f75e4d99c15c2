// What can be done about a port that cannot be had: commands where there are any.
import type { OpenSocket } from '../../../base/open-socket.ts';
import type { SeenSocket } from '../../../sockets/core/seen.ts';
import { formatPortList } from '../../../text/port-list.ts';
import { OTHER_PLACES } from './attempts.ts';
import type { BindContext, HeldCause, Remedy } from './bind-context.ts';

/** A longer list is not written out. */
const LIST_MAX_CHARACTERS = 60;
const RESERVED_PORTS = 'net.ipv4.ip_local_reserved_ports';

/** How a port is kept from clients: by a profile, or in the kernel's list, which is set as a whole. */
export function keeping(what: string, { port, protocol, kernel }: BindContext): Remedy[] {
  const ports = new Set([port]);
  for (const { first, last } of kernel.reserved) for (let each = first; each <= last; each++) ports.add(each);
  const list = formatPortList(ports);
  const text = `${what}: PORT ${port} ${protocol.toUpperCase()} JOB in a profile`;
  if (list.length > LIST_MAX_CHARACTERS) return [{ text: `${text}, or add it to ${RESERVED_PORTS}` }];
  return [{ text: `${text}, or until the next boot`, command: `sysctl -w ${RESERVED_PORTS}=${list}` }];
}

/** What can be done about who has it. A port that clients are given would be lost to them again. */
export function remediesOf(context: BindContext, cause: HeldCause, seen: SeenSocket): Remedy[] {
  const { port, protocol, attempts, allocation } = context;
  if (cause === 'LISTENING' || cause === 'BOUND' || protocol === 'udp') {
    const another = { text: 'Or take another port', command: `portreeve suggest --near ${port}` };
    return [stopping(seen), another, ...freeElsewhere(attempts)];
  }
  const keep = allocation.kind === 'given' ? keeping('Then keep it from clients', context) : [];
  const end = `ss -tK ${filterOf(seen.socket)}sport = :${port}`;
  if (cause === 'WAITING') return [{ text: 'Wait for that, or as root end it now', command: end }, ...keep];
  return [
    { text: 'End the connection: whoever closes it first keeps his port for a minute (TIME_WAIT)' },
    { text: 'As root end it without that', command: end },
    ...keep,
  ];
}

/** ss(8) passes over what is in TIME_WAIT unless it is asked for it. */
function filterOf({ state }: OpenSocket): string {
  return state === 'TIME_WAIT' ? 'state time-wait ' : '';
}

/** A service whose name needs no quotes in a shell; that of a user's manager has programs of all kinds in it. */
const SERVICE = /^(?!user@)[A-Za-z0-9:_.@-]+\.service$/;
/** Runtimes that stop a container by its id. */
const STOPPING_RUNTIMES: ReadonlySet<string> = new Set(['docker', 'podman']);
/** It has the sockets of services that it has yet to start (systemd.socket(5)). */
const MANAGER = 'systemd';

/** How whoever has it is stopped, as far as he can be seen. */
function stopping({ forwardsTo, container, unit, owners: [owner] }: SeenSocket): Remedy {
  if (forwardsTo) return { text: 'Stop that container, which is listed by', command: 'docker ps' };
  if (container) {
    const text = 'Stop that container';
    const { runtime, id } = container;
    return STOPPING_RUNTIMES.has(runtime) ? { text, command: `${runtime} stop ${id}` } : { text };
  }
  if (owner?.name === MANAGER) {
    return { text: 'Stop its unit, which is listed by', command: 'systemctl list-sockets' };
  }
  if (unit !== undefined && SERVICE.test(unit)) return { text: 'Stop it', command: `systemctl stop ${unit}` };
  return { text: 'Stop it', ...(owner && owner.pid !== 1 ? { command: `kill ${owner.pid}` } : {}) };
}

/** Addresses that nobody has bound are a way out where nobody has the wildcard of their family. */
function freeElsewhere(attempts: BindContext['attempts']): Remedy[] {
  const free = OTHER_PLACES.filter((place) =>
    attempts.some((attempt) => attempt.place === place && attempt.plain.answer === 'free'),
  );
  const [only] = free;
  if (!only) return [];
  const where = free.length > 1 ? 'other addresses' : `IPv${only.address.family} alone`;
  return [{ text: `On ${where} it is free` }];
}

/** What can be done about a privilege. Root has it, unless a container or a user namespace keeps it from him. */
export function remediesOfPrivilege({ permission }: BindContext['root']): Remedy[] {
  const profile = { text: 'Or reserve the port for its job in a profile' };
  if (permission === 'privileged') {
    return [{ text: 'Run the server outside of this container or user namespace' }, profile];
  }
  const capability = 'with that capability (AmbientCapabilities= of its unit, or setcap)';
  return [{ text: `Run the server as root, or ${capability}` }, profile];
}
