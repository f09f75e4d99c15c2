// How long it takes until the kernel knows a unit that begins, begins again, or is one of many that begin at once.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { bytes32, bytes64 } from '../../src/guard/app/kernel/map-bytes.ts';
import type { KernelMap } from '../../src/host/host.ts';
import { BpfMap } from '../../src/host/linux/sys/bpf-map.ts';
import type { FollowTask } from '../support/follow-process.ts';
import { GuardStage, guardReady } from '../support/guard.ts';
import { until } from '../support/world.ts';

const FOLLOWER = join(import.meta.dirname, '../support/follow-process.ts');
const PROFILE = 'PORT 4000 TCP WEB\n';
const UNITS = 200;
const STARTS = 30;
const BURST = 50;
const WITHIN_MS = 1000;
/** A unit begins now and then: its follower has nothing else to do. */
const BETWEEN_MS = 20;

interface Slice {
  readonly unit: (name: string) => string;
  /** Milliseconds until the kernel knows the cgroup. */
  readonly known: (directory: string, since?: number) => Promise<number>;
}

/** Does something with a slice with many units, which another process follows. */
async function withSlice(t: TestContext, act: (slice: Slice) => Promise<void>): Promise<void> {
  if (!guardReady(t)) return;
  const stage = await GuardStage.open(t);
  stage.inForce(PROFILE);
  const directory = stage.below('system.slice');
  const unit = (name: string) => join(directory, `${name}.service`);
  for (let i = 0; i < UNITS; i++) mkdirSync(unit(`unit-${i}`));
  const task: FollowTask = {
    pins: stage.place.pins,
    profile: PROFILE,
    root: directory.slice(stage.bpf.cgroupRoot().length),
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
  const cgroups = jobsInForce(stage);
  const known = async (path: string, since = performance.now()): Promise<number> => {
    const key = bytes64(statSync(path, { bigint: true }).ino);
    while (!cgroups.lookup(key)) {
      if (performance.now() - since > 2 * WITHIN_MS) assert.fail(`${path} is not known`);
      await pause(0);
    }
    return performance.now() - since;
  };
  try {
    await known(unit(`unit-${UNITS - 1}`));
    await act({ unit, known });
  } finally {
    // Before the guard goes: it has it open.
    cgroups.close();
    child.kill('SIGKILL');
    await ended;
  }
}

/** The map of the jobs of cgroups in the slot in force, which is the caller's to close. */
function jobsInForce(stage: GuardStage): KernelMap {
  const outer = stage.bpf.openMap(`${stage.place.pins}/cgroups`) ?? assert.fail('no cgroups');
  const ids = [0, 1].map((slot) => outer.lookup(bytes32(slot)));
  outer.close();
  const config = stage.bpf.openMap(`${stage.place.pins}/config`) ?? assert.fail('no config');
  const slot = config.lookup(bytes32(0))?.[8] ?? 0;
  config.close();
  const id = ids[slot] ?? assert.fail('no map');
  return BpfMap.byId(new DataView(id.buffer).getUint32(0, true)) ?? assert.fail('no map');
}

function within(t: TestContext, what: string, times: readonly number[]): void {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (part: number) => (sorted[Math.floor(part * (sorted.length - 1))] ?? 0).toFixed(1);
  t.diagnostic(`${what}, beside ${UNITS} others: median ${at(0.5)} ms, longest ${at(1)} ms`);
  assert.ok(times.length > 0 && (sorted.at(-1) ?? WITHIN_MS) < WITHIN_MS, what);
}

test('a unit that begins, and one that begins again, is known within milliseconds', async (t) => {
  await withSlice(t, async ({ unit, known }) => {
    const times: number[] = [];
    const again: number[] = [];
    for (let i = 0; i < STARTS; i++) {
      const directory = unit(`started-${i}`);
      mkdirSync(directory);
      times.push(await known(directory));
      await pause(BETWEEN_MS);
      // It has another number than before.
      const before = statSync(directory, { bigint: true }).ino;
      rmdirSync(directory);
      mkdirSync(directory);
      assert.notEqual(statSync(directory, { bigint: true }).ino, before);
      again.push(await known(directory));
      await pause(BETWEEN_MS);
    }
    within(t, 'a unit that begins', times);
    within(t, 'a unit that begins again', again);
  });
});

test('many that begin at once are known within a second', async (t) => {
  await withSlice(t, async ({ unit, known }) => {
    const since = performance.now();
    const directories = Array.from({ length: BURST }, (_, i) => unit(`burst-${i}`));
    for (const directory of directories) mkdirSync(directory);
    const times: number[] = [];
    for (const directory of directories) times.push(await known(directory, since));
    within(t, `${BURST} units at once`, times);
  });
});
