// A slice with many units that another process follows for a guard, and the time until the kernel knows a unit.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { bytes32, bytes64 } from '../../src/guard/app/kernel/map-bytes.ts';
import type { KernelMap } from '../../src/host/host.ts';
import { BpfMap } from '../../src/host/linux/sys/bpf-map.ts';
import type { FollowTask } from './follow-process.ts';
import { GuardFixture } from './guard.ts';
import { until } from './sandbox.ts';

const FOLLOWER = join(import.meta.dirname, 'follow-process.ts');
const PROFILE = 'PORT 4000 TCP WEB\n';
const UNITS = 200;
/** A unit that is not known after this time never will be. */
const KNOWN_MS = 10_000;

export interface Slice {
  readonly unit: (name: string) => string;
  /** Milliseconds until the kernel knows the cgroup. */
  readonly known: (directory: string, since?: number) => Promise<number>;
}

/** Calls a function with a slice of 200 units, which another process follows. */
export async function withSlice(
  t: Pick<TestContext, 'after'>,
  act: (slice: Slice) => Promise<void>,
): Promise<void> {
  const fixture = await GuardFixture.open(t);
  fixture.inForce(PROFILE);
  const directory = fixture.below('system.slice');
  const unit = (name: string) => join(directory, `${name}.service`);
  for (let i = 0; i < UNITS; i++) mkdirSync(unit(`unit-${i}`));
  const task: FollowTask = {
    pins: fixture.place.pins,
    profile: PROFILE,
    root: directory.slice(fixture.bpf.cgroupRoot().length),
  };
  const child = spawn(process.execPath, [FOLLOWER, JSON.stringify(task)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'close');
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  await until('the follower', () => output.includes('follows'));
  const cgroups = jobsInForce(fixture);
  const known = async (path: string, since = performance.now()): Promise<number> => {
    const key = bytes64(statSync(path, { bigint: true }).ino);
    while (!cgroups.lookup(key)) {
      if (performance.now() - since > KNOWN_MS) assert.fail(`${path} is not known`);
      await pause(0);
    }
    return performance.now() - since;
  };
  try {
    await known(unit(`unit-${UNITS - 1}`));
    await act({ unit, known });
  } finally {
    // Before the guard is removed: the process has it open.
    cgroups.close();
    child.kill('SIGKILL');
    await ended;
  }
}

/** The map of the jobs of cgroups in the slot in force, which the caller closes. */
function jobsInForce(fixture: GuardFixture): KernelMap {
  const outer = fixture.bpf.openMap(`${fixture.place.pins}/cgroups`) ?? assert.fail('no cgroups');
  const ids = [0, 1].map((slot) => outer.lookup(bytes32(slot)));
  outer.close();
  const config = fixture.bpf.openMap(`${fixture.place.pins}/config`) ?? assert.fail('no config');
  const slot = config.lookup(bytes32(0))?.[8] ?? 0;
  config.close();
  const id = ids[slot] ?? assert.fail('no map');
  return BpfMap.byId(new DataView(id.buffer).getUint32(0, true)) ?? assert.fail('no map');
}
