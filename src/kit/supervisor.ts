// Keeps one process running: restarts it with an exponential delay when it dies, and stops it on request.
import type { Clock, Timer } from '../base/clock.ts';
import {
  RESTART_DELAY_MAX_MS,
  RESTART_DELAY_MIN_MS,
  RESTART_RECOVERED_MS,
  START_TIMEOUT_MS,
  STOP_GRACE_MS,
} from '../base/limits.ts';
import type { Child, ChildEnd } from '../host/host.ts';

/** The supervised process. */
interface Supervised {
  /** Starts the process; must call `onEnd` once when it has ended. */
  start(onEnd: (end: ChildEnd) => void): Child;
  /** It ended without being asked to; it will be restarted after `restartInMs`. */
  onDied(end: ChildEnd, restartInMs: number): void;
}

type SupervisorState = 'idle' | 'starting' | 'running' | 'waiting' | 'stopping' | 'stopped';

/** Supervises one process. */
export class Supervisor {
  readonly #clock: Clock;
  readonly #supervised: Supervised;
  #state: SupervisorState = 'idle';
  #child: Child | undefined;
  #timer: Timer | undefined;
  #failures = 0;
  #readyAt: number | undefined;
  #restarts = 0;
  /** It was asked to end in order to be restarted. */
  #isWanted = false;
  #onStopped: (() => void)[] = [];

  constructor(clock: Clock, supervised: Supervised) {
    this.#clock = clock;
    this.#supervised = supervised;
  }

  get state(): SupervisorState {
    return this.#state;
  }

  /** The process, while there is one. */
  get child(): Child | undefined {
    return this.#child;
  }

  /** The number of restarts. */
  get restarts(): number {
    return this.#restarts;
  }

  start(): void {
    this.#state = 'starting';
    this.#readyAt = undefined;
    const child = this.#supervised.start((end) => this.#ended(child, end));
    this.#child = child;
    this.#setTimer(START_TIMEOUT_MS, () => child.kill('SIGKILL'));
  }

  /** The process has reported that it is ready. */
  ready(): void {
    if (this.#state !== 'starting') return;
    this.#state = 'running';
    this.#readyAt = this.#clock.monotonic();
    this.#clearTimer();
  }

  /** Stops it and restarts it immediately, as after a change of its configuration. */
  restart(): void {
    if (this.#state === 'waiting' || this.#state === 'idle') this.start();
    else if (this.#child) {
      this.#isWanted = true;
      this.#requestEnd(this.#child);
    }
  }

  /** Asks it to end, kills it after STOP_GRACE_MS, and resolves when it has ended. */
  stop(): Promise<void> {
    if (this.#state === 'stopped') return Promise.resolve();
    const stopped = new Promise<void>((resolve) => this.#onStopped.push(resolve));
    if (this.#state === 'stopping') return stopped;
    this.#clearTimer();
    const child = this.#child;
    if (child) {
      this.#state = 'stopping';
      this.#requestEnd(child);
    } else {
      this.#stopped();
    }
    return stopped;
  }

  #requestEnd(child: Child): void {
    child.closeChannel();
    this.#setTimer(STOP_GRACE_MS, () => child.kill('SIGKILL'));
  }

  #ended(child: Child, end: ChildEnd): void {
    if (child !== this.#child) return;
    this.#child = undefined;
    this.#clearTimer();
    if (this.#state === 'stopping') {
      this.#stopped();
      return;
    }
    if (this.#isWanted) {
      this.#isWanted = false;
      this.start();
      return;
    }
    const ranFor = this.#readyAt === undefined ? 0 : this.#clock.monotonic() - this.#readyAt;
    if (ranFor >= RESTART_RECOVERED_MS) this.#failures = 0;
    const delay = Math.min(RESTART_DELAY_MIN_MS * 2 ** this.#failures, RESTART_DELAY_MAX_MS);
    this.#failures++;
    this.#state = 'waiting';
    this.#setTimer(delay, () => {
      this.#restarts++;
      this.start();
    });
    this.#supervised.onDied(end, delay);
  }

  #stopped(): void {
    this.#state = 'stopped';
    for (const resolve of this.#onStopped) resolve();
    this.#onStopped = [];
  }

  #setTimer(delayMs: number, then: () => void): void {
    this.#clearTimer();
    this.#timer = this.#clock.after(delayMs, then);
  }

  #clearTimer(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
