// Starts the portmap process, passes it its sockets, and exchanges messages with it.

import { formatIp } from '../../base/address.ts';
import { netIdInfo } from '../../base/netid.ts';
import type { Child, ChildEnd, EndpointSpec, Host, OpenEndpoint, PreparedProgram } from '../../host/host.ts';
import { formatUaddr, portSuffix } from '../../wire/uaddr.ts';
import { loggedSet } from '../app/journal.ts';
import { byNetId } from '../app/listen.ts';
import type { OwnEntry } from '../app/portmapper.ts';
import type { Registration } from '../core/registrations.ts';
import type { Identity } from './account.ts';
import {
  type FromPortmap,
  type GivenSocket,
  type PortmapStatus,
  readFromPortmap,
  type ToPortmap,
} from './messages.ts';

interface PortmapParts {
  readonly endpoints: readonly OpenEndpoint[];
  /** A routing netlink socket, and one of sock_diag. */
  readonly routeFd: number;
  readonly diagFd: number;
  /** The inputs of RootPorts; undefined if they cannot be opened. */
  readonly privilegedStartFd: number | undefined;
  readonly grantedFd: number | undefined;
  readonly logFds: readonly [number, number];
  readonly stamp: string;
  /** Registrations that are carried over from rpcbind. */
  readonly carried: readonly Registration[];
  readonly program: PreparedProgram;
  /** The uid and gid to run as; undefined: those of the daemon, which is not root. */
  readonly identity: Identity | undefined;
}

/** Descriptor numbers of the child: 3 is the channel; those that are passed begin at 4. */
const FIRST_FD = 4;
/** The maximum length of an invalid message in the log. */
const SHOWN_CHARACTERS = 200;
/** The timeout of a status query. */
const STATUS_TIMEOUT_MS = 1000;

/** Allocations live no longer than a request: a small young generation keeps the process small. */
const NODE_ARGUMENTS = ['--max-semi-space-size=2', '--heap-growing-percent=25'];

/** Options of setpriv(1): privileges are dropped before Node starts, so that none of its threads ever has them. */
function privilegeArguments(identity: Identity | undefined): string[] {
  const always = ['--no-new-privs', '--pdeathsig', 'KILL'];
  if (!identity) return always;
  return [
    `--reuid=${identity.uid}`,
    `--regid=${identity.gid}`,
    '--clear-groups',
    '--inh-caps=-all',
    '--bounding-set=-all',
    ...always,
  ];
}

/** The registrations of the port mapper itself: versions 3 and 4 for all transports, version 2 for IPv4. */
function ownEntries(endpoints: readonly OpenEndpoint[]): OwnEntry[] {
  return byNetId(endpoints).flatMap(({ netid, endpoints: specs }) => {
    const versions = netIdInfo(netid).family === 'inet' ? [4, 3, 2] : [4, 3];
    return versions.map((version) => ({ netid, version, uaddr: ownUaddr(specs) }));
  });
}

/** A single address as it is; for several, the wildcard, so that each caller receives the one that it can reach. */
function ownUaddr(specs: readonly EndpointSpec[]): string {
  const [first, ...others] = specs;
  if (first === undefined || first.netid === 'local') return first?.path ?? '';
  if (others.length === 0) return formatUaddr(first);
  const wildcard = first.address.family === 4 ? '0.0.0.0' : '::';
  return wildcard + portSuffix(first.port);
}

/** A running portmap process. */
export class PortmapChild {
  readonly process: Child;
  readonly #onMessage: (message: FromPortmap) => void;
  readonly #clock: Host['clock'];
  readonly #queries = new Map<number, (status: PortmapStatus | undefined) => void>();
  #lastQuery = 0;
  /** It sent an invalid message, and is being killed. */
  #isBroken = false;

  constructor(
    host: Pick<Host, 'processes' | 'clock'>,
    parts: PortmapParts,
    onMessage: (message: FromPortmap) => void,
    onEnd: (end: ChildEnd) => void,
  ) {
    this.#onMessage = onMessage;
    this.#clock = host.clock;
    const { program, endpoints, stamp, carried, identity } = parts;
    const fds = endpoints.map(({ fd }) => fd);
    /** Returns the number that the descriptor has in the child. */
    const pass = (fd: number) => FIRST_FD + fds.push(fd) - 1;
    const passIfOpen = (fd: number | undefined) => (fd === undefined ? undefined : pass(fd));
    const [firstLog, secondLog] = parts.logFds;
    const given = {
      routeFd: pass(parts.routeFd),
      diagFd: pass(parts.diagFd),
      logFds: [pass(firstLog), pass(secondLog)],
      privilegedStartFd: passIfOpen(parts.privilegedStartFd),
      grantedFd: passIfOpen(parts.grantedFd),
    } as const;
    const nodeFd = passIfOpen(program.nodeFd);
    const node = nodeFd === undefined ? program.node : `/proc/self/fd/${nodeFd}`;
    this.process = host.processes.start({
      argv: ['setpriv', ...privilegeArguments(identity), '--', node, ...NODE_ARGUMENTS, program.entry],
      fds,
      onLine: (line) => this.#take(line),
      onEnd,
    });
    this.#send({
      type: 'serve',
      sockets: endpoints.map(givenSocket),
      ...given,
      stamp,
      carried: carried.map((registration) => loggedSet(registration, undefined)),
      own: ownEntries(endpoints),
    });
  }

  #send(message: ToPortmap): void {
    this.process.send(JSON.stringify(message));
  }

  /** A process that sends an invalid message is killed and restarted; it cannot crash the daemon. */
  #take(line: string): void {
    if (this.#isBroken) return;
    const message = readFromPortmap(line);
    if (message) {
      this.#handle(message);
      return;
    }
    this.#isBroken = true;
    this.process.kill('SIGKILL');
    this.#onMessage({
      type: 'fault',
      stack: `it sent an invalid message: ${line.slice(0, SHOWN_CHARACTERS)}`,
    });
  }

  #handle(message: FromPortmap): void {
    if (message.type === 'status') {
      this.#queries.get(message.id)?.(message);
      this.#queries.delete(message.id);
    } else {
      this.#onMessage(message);
    }
  }

  /** Confirms that the log files of a `set-aside` message have been copied. */
  confirmAside(): void {
    this.#send({ type: 'aside' });
  }

  /** Its status; undefined if it does not answer in time. */
  status(): Promise<PortmapStatus | undefined> {
    const id = ++this.#lastQuery;
    return new Promise((resolve) => {
      const timer = this.#clock.after(STATUS_TIMEOUT_MS, () => {
        this.#queries.delete(id);
        resolve(undefined);
      });
      this.#queries.set(id, (status) => {
        timer.cancel();
        resolve(status);
      });
      this.#send({ type: 'status', id });
    });
  }
}

function givenSocket({ spec }: OpenEndpoint, index: number): GivenSocket {
  const address = spec.netid === 'local' ? spec.path : formatIp(spec.address);
  return { fd: FIRST_FD + index, netid: spec.netid, address };
}
