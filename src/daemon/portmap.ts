// portmap in the daemon: its sockets, its process and that process's supervision.
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  closeEndpoints,
  endpointText,
  type ListenRequest,
  type OpenedEndpoints,
  openEndpoints,
  planEndpoints,
} from '../app/listen.ts';
import type { PortmapReport } from '../app/status.ts';
import { PortreeveError } from '../base/errors.ts';
import type { Child, ChildEnd, Host, Lock, PreparedProgram } from '../host/host.ts';
import { openRouteSocket } from '../host/linux/interfaces.ts';
import { sys } from '../host/linux/sys/libc.ts';
import { type Identity, portmapIdentity } from './account.ts';
import { eventText, type Log } from './log.ts';
import { PortmapChild } from './portmap-child.ts';
import type { FromPortmap } from './portmap-messages.ts';
import { RPCBIND_SOCKET } from './settings.ts';
import { Supervisor } from './supervisor.ts';

/** The file of the process, beside this one: .ts when the source runs, .js when it was built. */
const ENTRY = fileURLToPath(new URL(`./portmap-process${extname(import.meta.filename)}`, import.meta.url));
const PASSWD_MAX_BYTES = 16 * 1024 * 1024;

/**
 * The lock that rpcbind holds while it runs. A port mapper that does not hold it is pushed aside: an rpcbind that is
 * started later would put its own Unix socket in the place of ours, and take the registrations that come by it.
 */
const RPCBIND_LOCK = '/run/rpcbind.lock';

/** What portmap needs to be served. */
export interface PortmapOptions {
  readonly host: Host;
  readonly log: Log;
  /** Where copies of the code go that the process cannot read where it is. */
  readonly codeDirectory: string;
  readonly uid: number | undefined;
}

/** The port mapper of this daemon. */
export class Portmap {
  readonly #options: PortmapOptions;
  readonly #opened: OpenedEndpoints;
  readonly #lock: Lock | undefined;
  readonly #program: PreparedProgram;
  readonly #identity: Identity | undefined;
  readonly #routeFd: number;
  readonly #supervisor: Supervisor;
  #child: PortmapChild | undefined;
  #unconfined: readonly string[] | null = null;
  #onReady: () => void = () => undefined;

  /** Opens its sockets, all or none. Throws PortreeveError (world) that says what is in the way. */
  constructor(options: PortmapOptions, request: ListenRequest) {
    const { host } = options;
    this.#options = options;
    this.#identity = host.uid === 0 ? identityOn(host, options.uid) : undefined;
    this.#lock = request.localPath === RPCBIND_SOCKET ? takeRpcbindLock(host) : undefined;
    try {
      this.#opened = openEndpoints(host, planEndpoints(request));
    } catch (thrown) {
      this.#lock?.release();
      throw thrown;
    }
    const user = this.#identity ?? { uid: host.uid, gid: process.getgid?.() ?? 0 };
    this.#program = host.processes.prepare(ENTRY, user, options.codeDirectory);
    this.#routeFd = openRouteSocket();
    this.#supervisor = new Supervisor(host.clock, {
      start: (onEnd) => this.#startProcess(onEnd),
      onDied: (end, restartInMs) => this.#died(end, restartInMs),
    });
  }

  get endpoints(): OpenedEndpoints {
    return this.#opened;
  }

  /** Starts the process; resolves when it answers the network for the first time. */
  start(): Promise<void> {
    const ready = new Promise<void>((resolve) => {
      this.#onReady = resolve;
    });
    this.#supervisor.start();
    return ready;
  }

  async stop(): Promise<void> {
    await this.#supervisor.stop();
    closeEndpoints(this.#options.host.sockets, this.#opened.endpoints);
    sys.close(this.#routeFd);
    this.#program.release();
    this.#lock?.release();
  }

  #startProcess(onEnd: (end: ChildEnd) => void): Child {
    const parts = {
      endpoints: this.#opened.endpoints,
      routeFd: this.#routeFd,
      program: this.#program,
      identity: this.#identity,
    };
    this.#child = new PortmapChild(this.#options.host, parts, (message) => this.#take(message), onEnd);
    return this.#child.process;
  }

  #take(message: FromPortmap): void {
    const { log } = this.#options;
    if (message.type === 'event') {
      const write = message.event.what === 'refused' ? log.warn : log.info;
      write(eventText(message.event), message.event);
    } else if (message.type === 'ready') {
      this.#unconfined = message.missing;
      for (const missing of message.missing) log.warn(`portmap: the process is not confined: ${missing}`);
      this.#supervisor.ready();
      this.#onReady();
    }
  }

  #died(end: ChildEnd, restartInMs: number): void {
    const how = end.signal === null ? `ended with code ${end.code}` : `was ended by ${end.signal}`;
    this.#options.log.error(`portmap: its process ${how}; it is started again in ${restartInMs} ms`, end);
  }

  async report(): Promise<PortmapReport> {
    const running = this.#supervisor.state === 'running';
    const status = running ? await this.#child?.status() : undefined;
    const pid = this.#supervisor.child?.pid ?? null;
    const process = pid === null ? undefined : this.#options.host.processes.info(pid);
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
      connections: status?.connections ?? null,
      unsent: status?.unsent ?? null,
      calls: status?.calls ?? null,
    };
  }
}

function identityOn(host: Host, uid: number | undefined): Identity {
  return portmapIdentity(host.files.readText('/etc/passwd', PASSWD_MAX_BYTES) ?? '', uid);
}

function takeRpcbindLock(host: Host): Lock {
  const lock = host.files.takeLock(RPCBIND_LOCK);
  if (!('heldBy' in lock)) return lock;
  const [holder] = host.sockets.holders({ path: RPCBIND_SOCKET });
  const who = holder ? `${holder.name} (pid ${holder.pid})` : 'another port mapper';
  const message = `${RPCBIND_LOCK} is held by ${who}`;
  const hint = `Stop it (systemctl stop rpcbind.socket rpcbind), or choose another path with --local PATH.`;
  throw new PortreeveError('world', 'ENDPOINT_TAKEN', message, hint, { lock: RPCBIND_LOCK });
}
