/** A cgroup in which a test attaches BPF programs and binds sockets; it is removed from the kernel afterwards. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { PID_MAX } from '../../src/base/limits.ts';
import { parseDecimal } from '../../src/base/port.ts';
import { encode, type Program } from '../../src/bpf/program.ts';
import { verifierSummary } from '../../src/bpf/verifier-log.ts';
import { cgroupId, cgroupRoot, openCgroup, walkCgroups } from '../../src/host/linux/cgroup.ts';
import { attachProgram, linkInfo } from '../../src/host/linux/sys/bpf-link.ts';
import { BpfMap, type MapSpec } from '../../src/host/linux/sys/bpf-map.ts';
import type { ObjectKind } from '../../src/host/linux/sys/bpf-object.ts';
import { type Hook, loadProgram, programInfo } from '../../src/host/linux/sys/bpf-program.ts';
import type { Bind, Bound, Report, Task } from './binder.ts';
import { objectIds } from './bpf-queries.ts';
import { needs, probe } from './probe.ts';
import { until } from './sandbox.ts';

const BINDER = join(import.meta.dirname, 'binder.ts');
const RUN_MS = 30_000;
/** Enters the cgroup, and brings up the loopback interface of the new network. */
const ENTER = 'echo $$ > "$1/cgroup.procs" && ip link set lo up && shift && exec "$@"';

/** Whether the machine supports the tests in this folder; if not, the test is skipped. */
export function kernelReady(t: TestContext): boolean {
  return needs(t, probe.root(), probe.netns(), probe.bpf(), probe.cgroup2(), probe.command('ip'));
}

/** The output of a command that ran in the cgroup. */
export interface Ended {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number | null;
}

export class KernelFixture {
  /** The cgroup's directory, below the root. */
  readonly directory: string;
  readonly id: bigint;
  readonly cgroupFd: number;
  readonly #closing: (() => void)[] = [];
  readonly #made: (readonly [ObjectKind, number])[] = [];

  private constructor(directory: string) {
    this.directory = directory;
    this.id = cgroupId(directory);
    this.cgroupFd = openCgroup(directory);
    this.#closing.push(() => closeSync(this.cgroupFd));
  }

  /** Creates the cgroup; it and everything attached to it is removed with the test, even on failure. */
  static open(t: Pick<TestContext, 'after'>): KernelFixture {
    const fixture = new KernelFixture(mkdtempSync(join(cgroupRoot(), 'portreeve-test-')));
    t.after(() => fixture.#close());
    return fixture;
  }

  map(spec: Partial<MapSpec> & Pick<MapSpec, 'type'>): BpfMap {
    const map = BpfMap.create({ name: 'test', keyBytes: 4, valueBytes: 8, entries: 1, ...spec });
    this.#closing.push(() => map.close());
    this.watch('map', map.info.id);
    return map;
  }

  /** Loads a program; a refusal is reported with the instruction that caused it. */
  load(hook: Hook, program: Program, maps: Readonly<Record<string, BpfMap>> = {}): number {
    const instructions = encode(program, (name) => {
      const map = maps[name];
      if (!map) throw new Error(`the test has no map ${name}`);
      return map.fd;
    });
    const fd = explained(program, () => loadProgram({ name: program.name, hook, instructions }));
    this.#closing.push(() => closeSync(fd));
    this.watch('program', programInfo(fd).id);
    return fd;
  }

  /** Loads a program and attaches it to the cgroup; returns the link. */
  attach(hook: Hook, program: Program, maps: Readonly<Record<string, BpfMap>> = {}): number {
    return this.link(hook, this.load(hook, program, maps));
  }

  link(hook: Hook, programFd: number): number {
    const fd = attachProgram(programFd, this.cgroupFd, hook);
    this.#closing.push(() => closeSync(fd));
    this.watch('link', linkInfo(fd).id);
    return fd;
  }

  /** The object must be gone after the test, whatever created it. */
  watch(kind: ObjectKind, id: number): void {
    this.#made.push([kind, id]);
  }

  /** Runs a command in the cgroup and in its own network namespace. */
  async run(argv: readonly string[], namespaces: readonly string[] = ['--net']): Promise<Ended> {
    const all = [...namespaces, 'sh', '-c', ENTER, 'enter', this.directory, ...argv];
    const child = spawn('unshare', all, { stdio: ['ignore', 'pipe', 'pipe'], timeout: RUN_MS });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const [code] = await once(child, 'close');
    return { stdout, stderr, code };
  }

  /** Binds sockets in the cgroup, as root unless a uid is given. */
  async report(task: Task): Promise<Report> {
    const { stdout, stderr, code } = await this.run([process.execPath, BINDER, JSON.stringify(task)]);
    if (code !== 0) throw new Error(`${BINDER}: ${code} ${stderr}`);
    return JSON.parse(stdout);
  }

  async bind(...binds: readonly Bind[]): Promise<readonly Bound[]> {
    return (await this.report({ binds })).bound;
  }

  async #close(): Promise<void> {
    for (const close of this.#closing.reverse()) close();
    for (const text of readFileSync(join(this.directory, 'cgroup.procs'), 'utf8').trim().split('\n')) {
      const pid = parseDecimal(text, PID_MAX);
      if (pid !== undefined) process.kill(pid, 'SIGKILL');
    }
    // The kernel releases them a little later.
    await until(`the cgroup ${this.directory} to go`, () => isRemoved(this.directory));
    for (const [kind, id] of this.#made) await until(`${kind} ${id} to go`, () => isGone(kind, id));
  }
}

function explained<T>(program: Program, load: () => T): T {
  try {
    return load();
  } catch (thrown) {
    const log = thrown instanceof Object && 'data' in thrown ? Object(thrown.data).log : undefined;
    if (typeof log !== 'string') throw thrown;
    throw new Error(`${program.name}: ${verifierSummary(log, program)}`, { cause: thrown });
  }
}

/** Removes a cgroup and its children; false where one of them still contains something. */
function isRemoved(directory: string): boolean {
  try {
    const all = [...walkCgroups(directory)].toReversed();
    for (const cgroup of all) rmdirSync(cgroup.directory);
    return true;
  } catch {
    return false;
  }
}

/** Looked up in the list: opening an object that is about to be removed would keep it. */
function isGone(kind: ObjectKind, id: number): boolean {
  return !objectIds(kind).some((other) => other === id);
}
