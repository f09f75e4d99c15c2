// The port mapper in the daemon: owns the sockets, and starts and supervises the process that serves them.
import { extname, join } from 'node:path';
import { messageOf, PortreeveError } from '../../base/errors.ts';
import { RECENT_REFUSALS_MAX } from '../../base/limits.ts';
import type { Child, ChildEnd, Host, Lock, PreparedProgram } from '../../host/host.ts';
import { bootAndNetwork } from '../../host/linux/boot-and-network.ts';
import { openRouteSocket } from '../../host/linux/interfaces.ts';
import { openPrivilegedStart } from '../../host/linux/root-ports.ts';
import { openDiagSocket } from '../../host/linux/socket-table.ts';
import { sys } from '../../host/linux/sys/libc.ts';
import { USERS_MAX_BYTES } from '../../job/app/users.ts';
import type { Log } from '../../kit/log.ts';
import { Supervisor } from '../../kit/supervisor.ts';
import type { SetAside } from '../app/journal.ts';
import {
  closeEndpoints,
  endpointText,
  type GuardCheck,
  type ListenRequest,
  type OpenedEndpoints,
  openEndpoints,
  planEndpoints,
} from '../app/listen.ts';
import type { PortmapReport } from '../app/report.ts';
import { RPCBIND_SOCKET } from '../app/settings.ts';
import { type EventCounts, eventText, type PortmapEvent, suppressedText } from '../core/events.ts';
import type { Registration } from '../core/registrations.ts';
import { type Identity, portmapIdentity } from './account.ts';
import { PortmapChild } from './child.ts';
import { LogFiles } from './log-files.ts';
import type { FromPortmap } from './messages.ts';

/** The program of the process, in the same directory: .ts in the source tree, .js in the package. */
const ENTRY = join(import.meta.dirname, `process${extname(import.meta.filename)}`);

/**
 * The lock that rpcbind holds while it runs. Without it, an rpcbind that is started later would replace our Unix socket
 * with its own, and receive the registrations sent to it.
 */
const RPCBIND_LOCK = '/run/rpcbind.lock';

export interface PortmapParts {
  readonly host: Host;
  readonly log: Log;
  /** The runtime directory, for the log and for copies of code that the process could not read in its own place. */
  readonly runtime: string;
  readonly uid: number | undefined;
  /** Consulted when a bind fails. */
  readonly guard: GuardCheck;
  /** Opens the record of the UDP ports that the guard grants; undefined if there is none. */
  readonly openGrantedPorts: () => number | undefined;
}

export class Portmap {
  readonly #parts: PortmapParts;
  readonly #program: PreparedProgram;
  readonly #identity: Identity | undefined;
  readonly #logFiles: LogFiles;
  readonly #refusals: PortmapEvent[] = [];
  readonly #supervisor: Supervisor;
  /** Released by stop(). */
  readonly #resources = new DisposableStack();
  #opened: OpenedEndpoints = { endpoints: [], absent: [] };
  #rpcbindLock: Lock | undefined;
  #carried: readonly Registration[];
  #child: PortmapChild | undefined;
  readonly #changes = { set: 0, unset: 0, refused: 0, dropped: 0 };
  #unconfined: readonly string[] | null = null;
  #onReady: () => void = () => undefined;

  /**
   * Opens its sockets, all or none. Throws PortreeveError (environment) if that fails. `carried`: the registrations of
   * the rpcbind that is replaced.
   */
  constructor(parts: PortmapParts, request: ListenRequest, carried: readonly Registration[] = []) {
    const { host, runtime } = parts;
    this.#parts = parts;
    this.#carried = carried;
    this.#identity = host.uid === 0 ? identityOn(host, parts.uid) : undefined;
    try {
      this.#listen(request);
      this.#resources.defer(() => closeEndpoints(host.sockets, this.#opened.endpoints));
      this.#resources.defer(() => this.#rpcbindLock?.release());
      this.#logFiles = this.#resources.adopt(new LogFiles(runtime), (files) => files.close());
      const user = this.#identity ?? { uid: host.uid, gid: process.getgid?.() ?? 0 };
      const program = host.processes.prepare(ENTRY, user, join(runtime, 'code'));
      this.#program = this.#resources.adopt(program, () => program.release());
    } catch (thrown) {
      this.#resources.dispose();
      throw thrown;
    }
    this.#supervisor = new Supervisor(host.clock, {
      start: (onEnd) => this.#startProcess(onEnd),
      onDied: (end, restartInMs) => this.#died(end, restartInMs),
    });
  }

  /** Opens the requested sockets, and only then closes those that are no longer requested. */
  #listen(request: ListenRequest): void {
    const { host, guard } = this.#parts;
    const before = this.#opened.endpoints;
    const needsLock = request.localPath === RPCBIND_SOCKET;
    const lock = needsLock ? (this.#rpcbindLock ?? takeRpcbindLock(host)) : undefined;
    try {
      this.#opened = openEndpoints(host, planEndpoints(request), before, guard);
    } catch (thrown) {
      if (lock !== this.#rpcbindLock) lock?.release();
      throw thrown;
    }
    if (lock !== this.#rpcbindLock) this.#rpcbindLock?.release();
    this.#rpcbindLock = lock;
    closeEndpoints(
      host.sockets,
      before.filter((endpoint) => !this.#opened.endpoints.includes(endpoint)),
    );
  }

  /** Changes the sockets. The process is restarted with them and restores the registrations from the log. */
  reconfigure(request: ListenRequest): void {
    this.#listen(request);
    this.#supervisor.restart();
  }

  get endpoints(): OpenedEndpoints {
    return this.#opened;
  }

  /** The events since the daemon started. */
  get changes(): EventCounts {
    return this.#changes;
  }

  /** Starts the process; resolves when it first answers the network. */
  start(): Promise<void> {
    const ready = new Promise<void>((resolve) => {
      this.#onReady = resolve;
    });
    this.#supervisor.start();
    return ready;
  }

  async stop(): Promise<void> {
    await this.#supervisor.stop();
    this.#resources.dispose();
  }

  /** Each process has its own netlink sockets, so that it never receives the answers to requests of a dead one. */
  #startProcess(onEnd: (end: ChildEnd) => void): Child {
    const opened = {
      routeFd: openRouteSocket(),
      diagFd: openDiagSocket(),
      privilegedStartFd: openPrivilegedStart(),
      grantedFd: this.#parts.openGrantedPorts(),
    };
    const given = {
      ...opened,
      endpoints: this.#opened.endpoints,
      logFds: this.#logFiles.fds,
      // Sockets and ports do not outlive either of these.
      stamp: bootAndNetwork(),
      carried: this.#carried,
      program: this.#program,
      identity: this.#identity,
    };
    this.#child = new PortmapChild(this.#parts.host, given, (message) => this.#take(message), onEnd);
    for (const fd of Object.values(opened)) if (fd !== undefined) sys.close(fd);
    return this.#child.process;
  }

  #take(message: FromPortmap): void {
    const { log } = this.#parts;
    switch (message.type) {
      case 'event':
        this.#report(message.event);
        break;
      case 'suppressed':
        this.#count(message.counts);
        log.info(`portmap: ${suppressedText(message.counts)}`, message.counts);
        break;
      case 'fault':
        log.error(`portmap: this is a bug in portreeve: ${message.stack}`);
        break;
      case 'restored':
        log.info(`portmap: restored ${message.count} registrations from the log`, {
          count: message.count,
        });
        break;
      case 'set-aside':
        for (const file of message.files) this.#setAside(file);
        this.#child?.confirmAside();
        break;
      case 'ready':
        this.#unconfined = message.missing;
        for (const missing of message.missing)
          log.warn(`portmap: the process is not fully confined: ${missing}`);
        if (message.logFailure === '')
          this.#carried = []; // They are in the log now.
        else log.error(`portmap: cannot write a new registration log (${message.logFailure})`);
        this.#supervisor.ready();
        this.#onReady();
    }
  }

  #count({ set, unset, refused, dropped }: EventCounts): void {
    this.#changes.set += set;
    this.#changes.unset += unset;
    this.#changes.refused += refused;
    this.#changes.dropped += dropped;
  }

  #report(event: PortmapEvent): void {
    const { log } = this.#parts;
    this.#changes[event.what]++;
    const isRefusal = event.what === 'refused';
    if (isRefusal) this.#refusals.push(event);
    if (this.#refusals.length > RECENT_REFUSALS_MAX) this.#refusals.shift();
    const write = isRefusal || event.what === 'dropped' ? log.warn : log.info;
    write(eventText(event), event);
  }

  /** If it cannot be copied, that is logged, and the records that could be read are used. */
  #setAside(file: SetAside): void {
    const { log, host } = this.#parts;
    try {
      const kept = this.#logFiles.setAside(file, new Date(host.clock.now()));
      log.warn(`portmap: the registration log was copied to ${kept}: ${file.reason}`, {
        ...file,
        kept,
      });
    } catch (thrown) {
      const failure = `cannot copy the registration log (${messageOf(thrown)})`;
      log.error(`portmap: ${failure}: ${file.reason}`, file);
    }
  }

  #died(end: ChildEnd, restartInMs: number): void {
    const how = end.signal === null ? `exited with code ${end.code}` : `was killed by ${end.signal}`;
    this.#parts.log.error(`portmap: the process ${how}; restarting it in ${restartInMs} ms`, end);
  }

  async report(): Promise<PortmapReport> {
    const running = this.#supervisor.state === 'running';
    const status = running ? await this.#child?.status() : undefined;
    const pid = this.#supervisor.child?.pid ?? null;
    const process = pid === null ? undefined : this.#parts.host.processes.info(pid);
    return {
      state: this.#supervisor.state,
      pid,
      uid: process?.uid ?? null,
      rssBytes: process?.rssBytes ?? null,
      restarts: this.#supervisor.restarts,
      unconfined: this.#unconfined,
      sockets: this.#opened.endpoints.map(({ spec }) => ({
        netid: spec.netid,
        endpoint: endpointText(spec),
      })),
      absent: this.#opened.absent.map(endpointText),
      mappings: status?.mappings ?? null,
      foreign: status?.foreign ?? null,
      refusals: this.#refusals.map(eventText),
      connections: status?.connections ?? null,
      unsent: status?.unsent ?? null,
      late: status?.late ?? null,
      calls: status?.calls ?? null,
    };
  }
}

function identityOn(host: Host, uid: number | undefined): Identity {
  return portmapIdentity(host.files.readText('/etc/passwd', USERS_MAX_BYTES) ?? '', uid);
}

function takeRpcbindLock(host: Host): Lock {
  const lock = host.files.takeLock(RPCBIND_LOCK);
  if (!('heldBy' in lock)) return lock;
  const holder = host.processes.info(lock.heldBy);
  const who = holder ? `${holder.name} (pid ${holder.pid})` : 'another port mapper';
  const message = `${RPCBIND_LOCK} is held by ${who}`;
  const hint =
    'To replace it: portreeve portmap take-over. Or stop it (systemctl stop rpcbind.socket rpcbind), ' +
    'or choose another path with --local PATH.';
  throw new PortreeveError('ENDPOINT_TAKEN', message, hint, { lock: RPCBIND_LOCK });
}
