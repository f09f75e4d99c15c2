// The Linux implementation of the interfaces in host.ts.
import type { Host } from '../host.ts';
import { linuxFiles } from './files.ts';
import { holdProcess } from './held-process.ts';
import { holders, processInfo } from './holders.ts';
import { systemClock } from './linux-clock.ts';
import { takeLock } from './lock.ts';
import { startProcess } from './processes.ts';
import { prepareProgram } from './programs.ts';
import { closeEndpoint, openEndpoint } from './sockets.ts';

export function linuxHost(): Host {
  return {
    clock: systemClock,
    uid: process.getuid?.() ?? 0,
    sockets: { open: openEndpoint, close: closeEndpoint, holders },
    processes: { prepare: prepareProgram, start: startProcess, info: processInfo, hold: holdProcess },
    files: { ...linuxFiles, takeLock },
  };
}
