// The clock of the machine.
import type { Clock } from '../../base/clock.ts';

/** The clock of the machine; its timers run on the event loop of Node. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (delayMs, then) => {
    const timer = setTimeout(then, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};
