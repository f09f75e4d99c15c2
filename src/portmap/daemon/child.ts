// The portmap process as the daemon sees it: how it is started, fed with sockets, and asked how it is.

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

/** What the process is made of. */
interface PortmapParts {
  readonly endpoints: readonly OpenEndpoint[];
  /** A routing netlink socket, and one of sock_diag. */
  readonly routeFd: number;
  readonly diagFd: number;
  /** What tells of root's ports (RootPorts); undefined where it cannot be had. */
  readonly privilegedStartFd: number | undefined;
  readonly grantedFd: number | undefined;
  readonly logFds: readonly [number, number];
  readonly stamp: string;
  /** Registrations to begin with. */
  readonly carried: readonly Registration[];
  readonly program: PreparedProgram;
  /** As whom it runs; undefined where we are not root ourselves, and it runs as we do. */
  readonly identity: Identity | undefined;
}

/** Descriptor numbers of the child: 3 is the channel, what it is given begins at 4. */
const FIRST_FD = 4;
/** Of a line that is no message so much is told. */
const SHOWN_CHARACTERS = 200;
/** How long an answer to a question may take before it is given up. */
const STATUS_TIMEOUT_MS = 1000;

/** What it makes for a request is gone with the answer: a small young generation keeps the process small. */
const NODE_ARGUMENTS = ['--max-semi-space-size=2', '--heap-growing-percent=25'];

/** setpriv(1): what is put off before Node starts, so that no thread of it ever has it. */
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

/** The entries of the port mapper itself: versions 3 and 4 everywhere, version 2 where it is spoken (IPv4). */
function ownEntries(endpoints: readonly OpenEndpoint[]): OwnEntry[] {
  return byNetId(endpoints).flatMap(({ netid, endpoints: specs }) => {
    const versions = netIdInfo(netid).family === 'inet' ? [4, 3, 2] : [4, 3];
    return versions.map((version) => ({ netid, version, uaddr: ownUaddr(specs) }));
  });
}

/** One address as it is; of several, the wildcard, from which each caller is told the one that he reaches. */
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
  readonly #questions = new Map<number, (status: PortmapStatus | undefined) => void>();
  #lastQuestion = 0;
  /** It has written what is no message, and is to end. */
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
    /** The number that a descriptor has in the child. */
    const give = (fd: number) => FIRST_FD + fds.push(fd) - 1;
    const giveIfOpen = (fd: number | undefined) => (fd === undefined ? undefined : give(fd));
    const [firstLog, secondLog] = parts.logFds;
    const given = {
      routeFd: give(parts.routeFd),
      diagFd: give(parts.diagFd),
      logFds: [give(firstLog), give(secondLog)],
      privilegedStartFd: giveIfOpen(parts.privilegedStartFd),
      grantedFd: giveIfOpen(parts.grantedFd),
    } as const;
    const nodeFd = giveIfOpen(program.nodeFd);
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

  /** A process that writes anything else is ended, and started again; it does not take the daemon along. */
  #take(line: string): void {
    if (this.#isBroken) return;
    const message = readFromPortmap(line);
    if (message) {
      this.#hear(message);
      return;
    }
    this.#isBroken = true;
    this.process.kill('SIGKILL');
    this.#onMessage({
      type: 'fault',
      stack: `it wrote what is no message: ${line.slice(0, SHOWN_CHARACTERS)}`,
    });
  }

  #hear(message: FromPortmap): void {
    if (message.type === 'status') {
      this.#questions.get(message.id)?.(message);
      this.#questions.delete(message.id);
    } else {
      this.#onMessage(message);
    }
  }

  /** The files that it wanted set aside are. */
  confirmAside(): void {
    this.#send({ type: 'aside' });
  }

  /** How it is; undefined if it does not say so in time. */
  status(): Promise<PortmapStatus | undefined> {
    const id = ++this.#lastQuestion;
    return new Promise((resolve) => {
      const timer = this.#clock.after(STATUS_TIMEOUT_MS, () => {
        this.#questions.delete(id);
        resolve(undefined);
      });
      this.#questions.set(id, (status) => {
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
