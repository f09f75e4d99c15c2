// What the guard does for the programs that are where this one is: root looks, everybody else asks the daemon.

import { LinuxBpf } from '../../host/linux/kernel-bpf.ts';
import { namespaceCookie } from '../../host/linux/namespace.ts';
import { askLook } from '../../kit/ask-daemon.ts';
import { GUARD_PINS } from '../../kit/directories.ts';
import type { Io } from '../../kit/io.ts';
import { guardState } from '../app/guard.ts';
import { GUARD_PATH, type GuardJson, guardJson, type NoGuardJson } from '../app/report.ts';
import { type ModeHere, modeIn } from '../core/mode-here.ts';

/** Throws PortreeveError (world) where it cannot be told. */
export async function guardHere(io: Io): Promise<ModeHere> {
  const bpf = new LinuxBpf();
  const guard: GuardJson | NoGuardJson =
    io.uid === 0 ? guardJson(guardState({ bpf }, GUARD_PINS)) : await askLook(io, undefined, GUARD_PATH);
  return modeIn({ namespace: `${namespaceCookie()}`, root: `${bpf.cgroupId(bpf.cgroupRoot())}` }, guard);
}
