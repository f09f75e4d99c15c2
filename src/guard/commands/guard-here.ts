// The guard's mode in this network namespace, for commands that need nothing else of the guard.

import { LinuxBpf } from '../../host/linux/kernel-bpf.ts';
import { GUARD_PINS } from '../../kit/directories.ts';
import type { Io } from '../../kit/io.ts';
import { queryStatus } from '../../kit/query-daemon.ts';
import { modeHere } from '../app/guard.ts';
import { GUARD_PATH, type GuardJson, type NoGuardJson } from '../app/report.ts';
import type { ModeHere } from '../core/mode-here.ts';

/** Throws PortreeveError (environment) where the mode is unknown. */
export async function guardHere(io: Io): Promise<ModeHere> {
  const queryDaemon = () => queryStatus<GuardJson | NoGuardJson>(io, undefined, GUARD_PATH);
  return await modeHere({ uid: io.uid, bpf: new LinuxBpf(), queryDaemon }, GUARD_PINS);
}
