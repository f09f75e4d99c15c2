// Processes of a simulated host. A test controls what they send and when they exit.
import type { Clock } from '../../../src/base/clock.ts';
import { PortreeveError } from '../../../src/base/errors.ts';
import type {
  Child,
  ChildEnd,
  ChildSpec,
  HeldProcess,
  HeldProcessInfo,
  PreparedProgram,
  Processes,
  ProcessInfo,
} from '../../../src/host/host.ts';
import type { SimRandom } from './random.ts';

/** The range of pids. */
const PID_MIN = 300;
const PID_RANGE = 30_000;
/** The memory of each process. */
export const SIM_RSS_BYTES = 64 * 1024 * 1024;

export class SimChild implements Child {
  readonly pid: number;
  readonly spec: ChildSpec;
  /** The lines it received. */
  readonly received: string[] = [];
  readonly signals: ('SIGTERM' | 'SIGKILL')[] = [];
  /** Whether it handles SIGTERM instead of exiting. */
  handlesSigterm = false;
  readonly #clock: Clock;
  #isChannelOpen = true;
  #end: ChildEnd | undefined;

  constructor(pid: number, spec: ChildSpec, clock: Clock) {
    this.pid = pid;
    this.spec = spec;
    this.#clock = clock;
  }

  /** Undefined while it runs. */
  get end(): ChildEnd | undefined {
    return this.#end;
  }

  /** Whether our end of the channel is open. */
  get isChannelOpen(): boolean {
    return this.#isChannelOpen;
  }

  /** Lines sent over a closed channel or to an exited process are lost. */
  send(line: string): void {
    if (this.#isChannelOpen && !this.#end) this.received.push(line);
  }

  closeChannel(): void {
    this.#isChannelOpen = false;
  }

  /** A signal takes effect later, not inside the call. */
  kill(signal: 'SIGTERM' | 'SIGKILL'): void {
    this.signals.push(signal);
    if (signal === 'SIGTERM' && this.handlesSigterm) return;
    this.#clock.after(0, () => this.#finish({ code: null, signal }));
  }

  /** The process writes a line to its channel. */
  writeLine(line: string): void {
    if (this.#end) throw new PortreeveError('BUG', `process ${this.pid} has exited and cannot write`);
    if (this.#isChannelOpen) this.spec.onLine(line);
  }

  /** The process exits. */
  exit(code: number): void {
    this.#finish({ code, signal: null });
  }

  /** The process is killed by a signal from elsewhere. */
  die(signal: string): void {
    this.#finish({ code: null, signal });
  }

  #finish(end: ChildEnd): void {
    if (this.#end) return;
    this.#end = end;
    this.spec.onEnd(end);
  }
}

/** Starts processes that a test controls. */
export class SimProcesses implements Processes {
  readonly #clock: Clock;
  readonly #random: SimRandom;
  readonly #known = new Map<number, ProcessInfo>();
  readonly #running = new Map<number, HeldProcessInfo>();
  /** All started processes, including exited ones. */
  readonly started: SimChild[] = [];
  /** Programs that were prepared and not released. */
  readonly prepared = new Set<PreparedProgram>();

  constructor(clock: Clock, random: SimRandom) {
    this.#clock = clock;
    this.#random = random;
  }

  prepare(entry: string): PreparedProgram {
    const release = () => void this.prepared.delete(program);
    const program: PreparedProgram = { entry, node: '/usr/bin/node', nodeFd: undefined, release };
    this.prepared.add(program);
    return program;
  }

  start(spec: ChildSpec): SimChild {
    const child = new SimChild(this.#freePid(), spec, this.#clock);
    this.started.push(child);
    return child;
  }

  /** Adds a process that we did not start. */
  add(process: ProcessInfo): ProcessInfo {
    this.#known.set(process.pid, process);
    return process;
  }

  info(pid: number): ProcessInfo | undefined {
    const child = this.started.find((one) => one.pid === pid && !one.end);
    return child
      ? { pid, name: child.spec.argv[0] ?? '', uid: 0, rssBytes: SIM_RSS_BYTES }
      : this.#known.get(pid);
  }

  /** Starts a process that we did not start, replacing one with the same pid. Undefined: it exits. */
  run(pid: number, info: HeldProcessInfo | undefined): void {
    if (info) this.#running.set(pid, info);
    else this.#running.delete(pid);
  }

  hold(pid: number): HeldProcess | undefined {
    const held = this.#running.get(pid);
    const inspect = () => (this.#running.get(pid) === held ? held : undefined);
    return held && { pid, inspect, close: () => undefined };
  }

  #freePid(): number {
    for (;;) {
      const pid = PID_MIN + this.#random.integer(PID_RANGE);
      if (!this.info(pid)) return pid;
    }
  }
}
