// Processes of a simulated host: they say and do what a test lets them, and end when it or a signal ends them.
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

/** The range of process numbers of a host that has just started others. */
const PID_MIN = 300;
const PID_RANGE = 30_000;
/** The memory that each of them has. */
export const SIM_RSS_BYTES = 64 * 1024 * 1024;

/** A process that was started. */
export class SimChild implements Child {
  readonly pid: number;
  readonly spec: ChildSpec;
  /** What it was sent, in order. */
  readonly received: string[] = [];
  readonly signals: ('SIGTERM' | 'SIGKILL')[] = [];
  /** A process that handles SIGTERM does not end by it. */
  handlesSigterm = false;
  readonly #clock: Clock;
  #isChannelOpen = true;
  #end: ChildEnd | undefined;

  constructor(pid: number, spec: ChildSpec, clock: Clock) {
    this.pid = pid;
    this.spec = spec;
    this.#clock = clock;
  }

  /** How it ended; undefined while it runs. */
  get end(): ChildEnd | undefined {
    return this.#end;
  }

  /** Whether our end of the channel is open. */
  get isChannelOpen(): boolean {
    return this.#isChannelOpen;
  }

  /** What is written to a channel that is closed, or to a process that is gone, reaches nobody. */
  send(line: string): void {
    if (this.#isChannelOpen && !this.#end) this.received.push(line);
  }

  closeChannel(): void {
    this.#isChannelOpen = false;
  }

  /** A signal is noticed later, not inside the call that sends it. */
  kill(signal: 'SIGTERM' | 'SIGKILL'): void {
    this.signals.push(signal);
    if (signal === 'SIGTERM' && this.handlesSigterm) return;
    this.#clock.after(0, () => this.#finish({ code: null, signal }));
  }

  /** The process writes a line to its channel. */
  say(line: string): void {
    if (this.#end) throw new PortreeveError('BUG', `process ${this.pid} has ended and says nothing`);
    if (this.#isChannelOpen) this.spec.onLine(line);
  }

  /** The process ends by itself. */
  exit(code: number): void {
    this.#finish({ code, signal: null });
  }

  /** The process ends by a signal of somebody else's. */
  die(signal: string): void {
    this.#finish({ code: null, signal });
  }

  #finish(end: ChildEnd): void {
    if (this.#end) return;
    this.#end = end;
    this.spec.onEnd(end);
  }
}

/** Starts processes that a test steers. */
export class SimProcesses implements Processes {
  readonly #clock: Clock;
  readonly #random: SimRandom;
  readonly #known = new Map<number, ProcessInfo>();
  readonly #running = new Map<number, HeldProcessInfo>();
  /** All that were started, ended ones too. */
  readonly started: SimChild[] = [];
  /** Programs that are prepared and not released. */
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

  /** Puts in a process of somebody else's. */
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

  /** A process of somebody else's begins, in the place of one that had its number; undefined: it ends. */
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
