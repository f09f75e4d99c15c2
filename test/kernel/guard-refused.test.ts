// A kernel that refuses: the verifier's complaint is reported, and what prevents all BPF.
import assert from 'node:assert/strict';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { PortreeveError } from '../../src/base/errors.ts';
import type { GuardPlace } from '../../src/guard/app/kernel/install.ts';
import { GuardKernel } from '../../src/guard/app/kernel/kernel.ts';
import { withVerifierLog } from '../../src/guard/commands/guard.ts';
import type { KernelHook, KernelMap, KernelProgram } from '../../src/host/host.ts';
import { BPFFS } from '../../src/host/linux/bpffs.ts';
import { cgroupRoot } from '../../src/host/linux/cgroup.ts';
import { bpfErrorIn } from '../../src/host/linux/sys/bpf.ts';
import { obstacleIn } from '../../src/host/linux/sys/privilege.ts';
import { capturedIo } from '../support/captured-io.ts';
import { guardReady, namesOf, nothingInForce, WatchedBpf } from '../support/guard.ts';
import { until } from '../support/sandbox.ts';

function placeOf(t: TestContext): GuardPlace {
  const cgroup = mkdtempSync(join(cgroupRoot(), 'portreeve-guard-'));
  t.after(() => rmdirSync(cgroup));
  return { cgroup, pins: join(BPFFS, basename(cgroup)) };
}

/** struct bpf_insn: 8 bytes, of which the second has the source register in its upper half. */
const INSTRUCTION_BYTES = 8;
const UNKNOWN_REGISTER = 0x50;
/** "r1 = r2": BPF_ALU64 | BPF_MOV | BPF_X. */
const MOVE = 0xbf;

/** The kernel with faulty programs: a move reads a register that was never written. */
class SpoilingBpf extends WatchedBpf {
  readonly #hook: KernelHook;
  readonly #which: 'first' | 'last';

  constructor(hook: KernelHook, which: 'first' | 'last') {
    super();
    this.#hook = hook;
    this.#which = which;
  }

  override loadProgram(name: string, hook: KernelHook, instructions: Uint8Array): KernelProgram {
    const spoiled = Uint8Array.from(instructions);
    const isMove = (code: number, at: number) => at % INSTRUCTION_BYTES === 0 && code === MOVE;
    const at = this.#which === 'first' ? spoiled.findIndex(isMove) : spoiled.findLastIndex(isMove);
    const registers = at + 1;
    if (hook === this.#hook) spoiled[registers] = UNKNOWN_REGISTER | ((spoiled[registers] ?? 0) & 0x0f);
    return super.loadProgram(name, hook, spoiled);
  }
}

function thrownBy(act: () => unknown): PortreeveError {
  try {
    act();
  } catch (thrown) {
    if (thrown instanceof PortreeveError) return thrown;
    throw thrown;
  }
  return assert.fail('nothing was refused');
}

for (const hook of ['bind4', 'bind6'] as const) {
  test(`a program for ${hook} that the verifier refuses is reported with its instruction and reason`, async (t) => {
    if (!guardReady(t)) return;
    const place = placeOf(t);
    const bpf = new SpoilingBpf(hook, 'first');
    const error = thrownBy(() => GuardKernel.install(bpf, place, nothingInForce()));
    assert.deepEqual([error.kind, error.code], ['environment', 'BPF_PROGRAM_REFUSED']);
    assert.equal(
      error.message,
      `the kernel rejected the BPF program portreeve_${hook}: EACCES: R5 !read_ok, at 0: r6 = r1 ; the context`,
    );
    assert.match(error.hint, /portreeve guard enforce --verbose$/);
    assert.deepEqual(namesOf(place), [place.cgroup]);
    await until('the maps to leave the kernel', () => bpf.left().length === 0);
    // Its permitted twin.
    const guard = GuardKernel.install(new WatchedBpf(), place, nothingInForce());
    guard.remove();
  });
}

test("with --verbose the verifier's complete log precedes the error, however long it is", async (t) => {
  if (!guardReady(t)) return;
  const place = placeOf(t);
  const bpf = new SpoilingBpf('bind4', 'last');
  const install = async () => GuardKernel.install(bpf, place, nothingInForce());
  const logOf = async (isVerbose: boolean) => {
    const io = capturedIo();
    await assert.rejects(withVerifierLog(isVerbose, io, install), { code: 'BPF_PROGRAM_REFUSED' });
    return io.stderr();
  };
  assert.equal(await logOf(false), '');
  const log = await logOf(true);
  // From the first instruction to the last line, the kernel's summary.
  assert.match(log, /(^|\n)0: \([0-9a-f]{2}\) r6 = r1/);
  assert.ok(log.length > 8192, `${log.length}`);
  assert.match(log, /R5 !read_ok\nprocessed \d+ insns .*\n$/);
  const io = capturedIo();
  assert.equal(await withVerifierLog(true, io, async () => 'done'), 'done');
  assert.equal(io.stderr(), '');
});

/** A simulated lockdown: the kernel permits no process to create a map. */
class LockedBpf extends WatchedBpf {
  override createMap(): KernelMap {
    const uidMap = '0 0 4294967295\n';
    const lockdown = 'none [integrity] confidentiality\n';
    throw bpfErrorIn('MAP_CREATE', 1, 'array config', obstacleIn({ status: '', uidMap, lockdown }));
  }
}

test('under lockdown it is reported that the kernel is locked down, and nothing is left', (t) => {
  if (!guardReady(t)) return;
  const place = placeOf(t);
  const error = thrownBy(() => GuardKernel.install(new LockedBpf(), place, nothingInForce()));
  assert.deepEqual([error.kind, error.code], ['environment', 'BPF_CALL']);
  assert.match(
    error.message,
    /MAP_CREATE failed on array config: EPERM: the kernel is locked down \(integrity\)$/,
  );
  assert.match(error.hint, /Boot the kernel without lockdown=/);
  assert.deepEqual(namesOf(place), [place.cgroup]);
});
