// Remedies for a port that cannot be bound, with commands where there are any.
import type { OpenSocket } from '../../../base/open-socket.ts';
import type { ListedSocket } from '../../../sockets/core/socket-snapshot.ts';
import { formatPortList } from '../../../text/port-list.ts';
import { OTHER_PLACES } from './attempts.ts';
import type { BindContext, HeldCause, Remedy } from './bind-context.ts';

/** A longer list is not printed. */
const LIST_MAX_CHARACTERS = 60;
const RESERVED_PORTS = 'net.ipv4.ip_local_reserved_ports';

/** How to reserve a port: by a profile, or in the list of the kernel, which is always set as a whole. */
export function reserveRemedies(what: string, { port, protocol, kernel }: BindContext): Remedy[] {
  const ports = new Set([port]);
  for (const { first, last } of kernel.reserved) for (let each = first; each <= last; each++) ports.add(each);
  const list = formatPortList(ports);
  const text = `${what} by PORT ${port} ${protocol.toUpperCase()} JOB in a profile`;
  if (list.length > LIST_MAX_CHARACTERS) return [{ text: `${text}, or add it to ${RESERVED_PORTS}` }];
  return [{ text: `${text}, or until the next boot`, command: `sysctl -w ${RESERVED_PORTS}=${list}` }];
}

/** Remedies for a port in use. An ephemeral port would be assigned to a client again if it is not reserved. */
export function remediesOf(context: BindContext, cause: HeldCause, seen: ListedSocket): Remedy[] {
  const { port, protocol, attempts, allocation } = context;
  if (cause === 'LISTENING' || cause === 'BOUND' || protocol === 'udp') {
    const another = { text: 'Or use another port', command: `portreeve suggest --near ${port}` };
    return [stopRemedy(seen), another, ...otherAddressRemedies(attempts)];
  }
  const reserve = allocation.kind === 'assignable' ? reserveRemedies('Then reserve it', context) : [];
  const end = `ss -tK ${filterOf(seen.socket)}sport = :${port}`;
  if (cause === 'WAITING') {
    return [{ text: 'Wait until it expires or, as root, end it now', command: end }, ...reserve];
  }
  return [
    { text: 'End the connection; the side that closes first keeps its port for a minute (TIME_WAIT)' },
    { text: 'Or, as root, end it without TIME_WAIT', command: end },
    ...reserve,
  ];
}

/** ss(8) ignores sockets in TIME_WAIT unless the filter names that state. */
function filterOf({ state }: OpenSocket): string {
  return state === 'TIME_WAIT' ? 'state time-wait ' : '';
}

/**
 * A service whose name needs no quotes in a shell. The service of a user manager contains unrelated programs and must
 * not be stopped.
 */
const SERVICE = /^(?!user@)[A-Za-z0-9:_.@-]+\.service$/;
/** Runtimes whose command stops a container by its ID. */
const STOPPING_RUNTIMES: ReadonlySet<string> = new Set(['docker', 'podman']);
/** The service manager holds the sockets of services that it has not started yet (systemd.socket(5)). */
const MANAGER = 'systemd';

/** How to stop the holder, as far as it is known. */
function stopRemedy({ forwardsTo, container, unit, owners: [owner] }: ListedSocket): Remedy {
  if (forwardsTo) return { text: 'Stop the container; to find it', command: 'docker ps' };
  if (container) {
    const text = 'Stop the container';
    const { runtime, id } = container;
    return STOPPING_RUNTIMES.has(runtime) ? { text, command: `${runtime} stop ${id}` } : { text };
  }
  if (owner?.name === MANAGER) {
    return { text: 'Stop its unit; to find it', command: 'systemctl list-sockets' };
  }
  if (unit !== undefined && SERVICE.test(unit)) return { text: 'Stop it', command: `systemctl stop ${unit}` };
  return { text: 'Stop it', ...(owner && owner.pid !== 1 ? { command: `kill ${owner.pid}` } : {}) };
}

/** The port may be free on other addresses if no socket is bound to the wildcard address of their family. */
function otherAddressRemedies(attempts: BindContext['attempts']): Remedy[] {
  const free = OTHER_PLACES.filter((place) =>
    attempts.some((attempt) => attempt.place === place && attempt.plain.answer === 'free'),
  );
  const [only] = free;
  if (!only) return [];
  const where = free.length > 1 ? 'other addresses' : `IPv${only.address.family} only`;
  return [{ text: `It is free on ${where}` }];
}

/** Remedies for a lack of privilege. Root has it, except in some containers and user namespaces. */
export function privilegeRemedies({ permission }: BindContext['root']): Remedy[] {
  const profile = { text: 'Or reserve the port for its job in a profile' };
  if (permission === 'unprivileged') {
    return [{ text: 'Run the server outside this container or user namespace' }, profile];
  }
  const capability = 'with that capability (AmbientCapabilities= of its unit, or setcap)';
  return [{ text: `Run the server as root, or ${capability}` }, profile];
}
