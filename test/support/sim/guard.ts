// A guard in a simulated kernel: the tables its programs use, and what remains after removal or failure.
import assert from 'node:assert/strict';
import type { InForceTables, TableMaker } from '../../../src/guard/app/kernel/install.ts';
import { MAP_NAMES, UNIT_HOOKS } from '../../../src/guard/app/kernel/maps.ts';
import {
  CONFIG,
  GUARD_ABI,
  MODE,
  PORT,
  PORTS,
  SETTINGS,
  SLOT_BYTES,
  SLOTS,
} from '../../../src/guard/bpf/layout.ts';
import { compileTables, type GuardTables } from '../../../src/guard/bpf/tables.ts';
import type { BindHook } from '../../../src/host/host.ts';
import type { Jobs } from '../../../src/job/core/jobs.ts';
import { buildProfile } from '../../../src/profile/core/build.ts';
import { parseProfile } from '../../../src/profile/text/parse.ts';
import { jobCalled } from '../jobs.ts';
import { labelOf, reachableFrom, type SimMap, type SimProgram, wordOf } from './bpf-objects.ts';
import { Killed, SIM_CGROUPS, type SimBpf, type SimBpfKernel } from './kernel-bpf.ts';

export const PLACE = { pins: '/sys/fs/bpf/portreeve', cgroup: SIM_CGROUPS };
/** The uid of the job WEB. */
export const WEB_UID = 1000;
export const NOW_MS = 1_767_225_600_000;

/** The profile of a revision: it reserves one TCP port, 4001 in revision 1. */
export const profileText = (revision: number): string => `PORT ${4000 + revision} TCP WEB\n`;

const compiled = new Map<number, GuardTables>();

/** The tables of a revision. */
export function tablesOf(revision: number): GuardTables {
  const { statements } = parseProfile({ file: 'profile', text: profileText(revision) });
  const tables =
    compiled.get(revision) ??
    compileTables(buildProfile(statements).profile, {
      authportJobs: [],
      omvsJob: 'OMVS',
      permits: () => ({ uids: new Map(), everyone: false }),
      errno: 13,
      errnoLow: 98,
      unprivilegedStart: 1024,
      noDelayUs: 8000,
      revision,
    });
  compiled.set(revision, tables);
  return tables;
}

export const webJob = (): Jobs => ({
  cgroups: new Map(),
  users: new Map([[WEB_UID, jobCalled('WEB')]]),
});

export const inForce = (revision: number): InForceTables => ({
  tables: tablesOf(revision),
  jobs: webJob,
  nowMs: NOW_MS,
});

/** Makes the tables of the latest revision if no revision is given. */
export const makerOf = (latest: number): TableMaker => ({
  tablesOf: (revision) => tablesOf(revision ?? latest),
  jobs: webJob,
});

const HOOKS: readonly BindHook[] = ['bind4', 'bind6'];

/**
 * What binds in a cgroup are judged by now, as the programs determine it: the mode, the reserved TCP ports, and the
 * uids that are jobs: "enforce 4001 for 1000". Both hooks must use the same tables.
 */
export function judged(kernel: SimBpfKernel, cgroup = PLACE.cgroup): string {
  const [four = '', six] = judgedAtHooks(kernel, cgroup);
  assert.equal(four, six, 'the hooks use different tables');
  return four;
}

/** The same for each hook. They differ for a moment while programs are replaced. */
export function judgedAtHooks(kernel: SimBpfKernel, cgroup = PLACE.cgroup): string[] {
  return HOOKS.map((hook) => {
    const each = kernel.attached(cgroup, hook).map((program) => judgedBy(program, kernel.now));
    return each.join(', ') || 'nothing';
  });
}

function judgedBy(program: SimProgram, now: bigint): string {
  const map = (name: string): SimMap =>
    program.maps.find(({ info }) => info.name === name) ?? assert.fail(`${program.name} has no map ${name}`);
  const view = new DataView(map('config').array.buffer);
  const { mode, abi } = CONFIG.read(view);
  const slot = slotInForce(view, now);
  const name = Object.entries(MODE).find(([, number]) => number === mode)?.[0];
  if (abi === GUARD_ABI) assert.notEqual(swapOf(view, slot), 0, 'the tables in force are incomplete');
  const uids = map('users').innerAt(slot)?.keys().map(wordOf);
  return `${name} ${reservedIn(map('ports').innerAt(slot)).join(' ')} for ${uids?.join(' ')}`;
}

/** The slot in force (guard/bpf/assembler.ts): the previous one after a trial has ended. */
function slotInForce(view: DataView, now: bigint): number {
  const { deadline, slot, previousSlot } = CONFIG.read(view);
  return (deadline !== 0n && now > deadline ? previousSlot : slot) % SLOTS;
}

const swapOf = (view: DataView, slot: number): number =>
  view.getUint32(CONFIG.bytes + slot * SLOT_BYTES + SETTINGS.fields.swap.offset, true);

function reservedIn(ports: SimMap | undefined): number[] {
  assert.ok(ports, 'there are no tables in force');
  const words = new Uint32Array(ports.array.buffer);
  const reserved: number[] = [];
  for (let port = 0; port < PORTS; port++) if (words[(port * PORT.bytes) / 4] !== 0) reserved.push(port);
  return reserved;
}

/** Asserts that bpffs has exactly these paths, and that no other object exists in the kernel. */
export function assertOnlyNames(kernel: SimBpfKernel, names: readonly string[]): void {
  assert.deepEqual(kernel.bpffs.paths(), names);
  const kept = new Set(kernel.bpffs.objects().flatMap((root) => [...reachableFrom(root)]));
  assert.deepEqual(
    kernel
      .objects()
      .filter((object) => !kept.has(object))
      .map(labelOf),
    [],
  );
}

/** Asserts that nothing of a guard is left, nor the file system that was mounted for it. */
export function assertNothingLeft(kernel: SimBpfKernel): void {
  assertOnlyNames(kernel, []);
  assert.equal(kernel.bpffs.isMounted, false);
}

/** The paths of a complete guard. */
export const GUARD_NAMES: readonly string[] = [
  PLACE.pins,
  ...[...MAP_NAMES, ...HOOKS, ...UNIT_HOOKS].map((name) => `${PLACE.pins}/${name}`),
].sort();

/** The outcome of an operation in which one call failed, or after which the process was killed. */
export interface Attempt {
  readonly bpf: SimBpf;
  readonly kernel: SimBpfKernel;
  /** The affected call. */
  readonly call: string;
  /** Undefined if the operation succeeded anyway. */
  readonly thrown: unknown;
}

/**
 * Repeats an operation from the beginning. Each time the fault, a failed call or a killed process, occurs one call
 * later, until it is not reached. Returns the number of calls.
 */
export function atEachCall<Setup extends { readonly bpf: SimBpf }>(
  fault: 'fails' | 'dies',
  begin: () => Setup,
  act: (setup: Setup) => unknown,
  check: (attempt: Attempt, setup: Setup) => void,
): number {
  for (let index = 0; ; index++) {
    const setup = begin();
    const { bpf } = setup;
    const before = bpf.calls.length;
    if (fault === 'fails') bpf.failAt(index);
    else bpf.dieAt(index);
    const thrown = thrownBy(() => act(setup));
    if (!bpf.hasReachedFault) {
      assert.equal(thrown, undefined);
      return index;
    }
    const call = bpf.calls[before + index] ?? assert.fail();
    bpf.clearFault();
    if (fault === 'dies') {
      assert.ok(thrown instanceof Killed, `${thrown}`);
      bpf.end();
    }
    try {
      check({ bpf, kernel: bpf.kernel, call, thrown }, setup);
    } catch (failed) {
      throw new Error(`call ${index}, ${call}, ${fault}: ${failed}`, { cause: failed });
    }
  }
}

function thrownBy(act: () => unknown): unknown {
  try {
    act();
    return undefined;
  } catch (thrown) {
    return thrown;
  }
}
