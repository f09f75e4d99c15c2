// The real host: Linux, as the interfaces of host.ts want it.
import type { Clock } from '../../base/clock.ts';
import type { Host } from '../host.ts';
import { readText } from './files.ts';
import { holders, processInfo } from './holders.ts';
import { takeLock } from './lock.ts';
import { startProcess } from './processes.ts';
import { prepareProgram } from './programs.ts';
import { closeEndpoint, openEndpoint } from './sockets.ts';

/** The clock of the machine; its timers run on the event loop of Node. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (delayMs, then) => {
    const timer = setTimeout(then, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};

/** The host that this process runs on. */
export function linuxHost(): Host {
  return {
    clock: systemClock,
    uid: process.getuid?.() ?? 0,
    sockets: { open: openEndpoint, close: closeEndpoint, holders },
    processes: { prepare: prepareProgram, start: startProcess, info: processInfo },
    files: { readText, takeLock },
  };
}
