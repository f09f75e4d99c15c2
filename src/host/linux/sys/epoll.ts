// epoll(7) and timerfd(2): a blocking event loop with a handler for each descriptor.
import { PortreeveError } from '../../../base/errors.ts';
import {
  CLOCK_MONOTONIC,
  EPOLL_CLOEXEC,
  EPOLL_CTL_ADD,
  EPOLL_CTL_MOD,
  TFD_CLOEXEC,
  TFD_NONBLOCK,
} from './constants.ts';
import { ERRNO, errno, errnoName, sys } from './libc.ts';
import { NativeBuffer } from './memory.ts';

/** <sys/epoll.h>: struct epoll_event is packed on x86_64, and only there. */
const EVENT_BYTES = process.arch === 'x64' ? 12 : 16;
const EVENT_DATA_AT = process.arch === 'x64' ? 4 : 8;
const EVENTS_PER_WAIT = 64;

/** Called when a descriptor is ready. `events` are the bits of <sys/epoll.h>. */
export interface Ready {
  ready(events: number): void;
}

/** Returns the result of a system call. Throws if it failed. */
export function must(result: number, call: string): number {
  if (result >= 0) return result;
  const name = errnoName(errno());
  throw new PortreeveError('SYSTEM_CALL', `${call} failed: ${name}`, '', { call, errno: name });
}

/** Work to do when no descriptor is ready. */
interface Idle {
  /** Whether there is work. */
  readonly isWanted: boolean;
  run(): void;
}

/** Blocks the thread: no promise, timer or signal handler of JavaScript runs in the meantime. */
export class EpollLoop {
  readonly #epfd = must(sys.epollCreate(EPOLL_CLOEXEC), 'epoll_create1');
  readonly #events = new NativeBuffer(EVENTS_PER_WAIT * EVENT_BYTES);
  readonly #event = new NativeBuffer(EVENT_BYTES);
  readonly #watched: (Ready | undefined)[] = [];
  #running = false;
  #idle: Idle | undefined;

  #control(operation: number, fd: number, events: number): void {
    this.#event.view.setUint32(0, events, true);
    this.#event.view.setUint32(EVENT_DATA_AT, fd, true);
    must(sys.epollControl(this.#epfd, operation, fd, this.#event.address), 'epoll_ctl');
  }

  add(fd: number, events: number, ready: Ready): void {
    this.#control(EPOLL_CTL_ADD, fd, events);
    this.#watched[fd] = ready;
  }

  change(fd: number, events: number): void {
    this.#control(EPOLL_CTL_MOD, fd, events);
  }

  /** Drops a descriptor that is about to be closed, which removes it from the epoll set without a system call. */
  forget(fd: number): void {
    this.#watched[fd] = undefined;
  }

  stop(): void {
    this.#running = false;
  }

  /** Sets the work to do when no descriptor is ready. */
  whenIdle(idle: Idle): void {
    this.#idle = idle;
  }

  /** Runs until stop() is called. */
  run(): void {
    this.#running = true;
    const { view, address } = this.#events;
    while (this.#running) {
      const count = sys.epollWait(this.#epfd, address, EVENTS_PER_WAIT, this.#idle?.isWanted ? 0 : -1);
      if (count === 0) this.#idle?.run();
      if (count < 0 && errno() !== ERRNO['EINTR']) must(count, 'epoll_wait');
      for (let i = 0; i < count; i++) {
        const at = i * EVENT_BYTES;
        // A descriptor removed by an earlier event of this iteration has no handler any more.
        this.#watched[view.getUint32(at + EVENT_DATA_AT, true)]?.ready(view.getUint32(at, true));
      }
    }
  }
}

/** A descriptor that becomes readable every `intervalMs`. */
export function openTicker(intervalMs: number): number {
  const fd = must(sys.timerfdCreate(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC), 'timerfd_create');
  // struct itimerspec: it_interval and it_value, seconds and nanoseconds of 64 bits each.
  const spec = new NativeBuffer(32);
  for (const at of [0, 16]) {
    spec.setSize(at, Math.floor(intervalMs / 1000));
    spec.setSize(at + 8, (intervalMs % 1000) * 1_000_000);
  }
  must(sys.timerfdSettime(fd, 0, spec.address, 0), 'timerfd_settime');
  return fd;
}
