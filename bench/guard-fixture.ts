// The cgroups of the guard benchmark, each with another policy for bind(2): none, one instruction, a rule list, three
// guards.
import { mkdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type Job, jobNamed, parseJobName } from '../src/base/job.ts';
import { parseDecimal } from '../src/base/port.ts';
import { GuardKernel } from '../src/guard/app/kernel/kernel.ts';
import { MAP_NAMES } from '../src/guard/app/kernel/maps.ts';
import type { GuardTables } from '../src/guard/bpf/tables.ts';
import type { BindHook, KernelMap } from '../src/host/host.ts';
import { BPFFS } from '../src/host/linux/bpffs.ts';
import { walkCgroups } from '../src/host/linux/cgroup.ts';
import { LinuxBpf } from '../src/host/linux/kernel-bpf.ts';
import type { Jobs } from '../src/job/core/jobs.ts';
import type { Profile } from '../src/profile/core/rules.ts';
import { nothingInForce, profileOf, tablesOf } from '../test/support/guard.ts';
import { isRemoved } from '../test/support/removed.ts';
import { Sandbox, until } from '../test/support/sandbox.ts';
import { type Policy, SIZES, type Size } from './guard-report.ts';
import { listProgram, oneInstruction, ruleList } from './rule-list.ts';

/** Ports for the job of the loop, for another job, unreserved ones, and many for the job of the loop. */
export const ALLOWED = { first: 20_000, ports: 5 } as const;
export const REFUSED = { first: 20_005, ports: 5 } as const;
export const FREE = { first: 61_000, ports: 5 } as const;
export const MANY = { first: 30_000, ports: 1000 } as const;

const named = (name: string): Job => jobNamed(parseJobName(name));

const HOOKS: readonly BindHook[] = ['bind4', 'bind6'];
/** The numbers of a host: systemd units and accounts. */
const UNITS = 200;
const ACCOUNTS = 100;
/** As deep as user.slice/user-1000.slice/session-1.scope. */
const USER_CGROUP = 'user-1000.slice/session-1.scope';
const POLICIES: readonly Policy[] = ['none', 'one', 'list', ...SIZES];
const TRIAL_MS = 60_000;
const MEMLOCK_MAX = 2 ** 40;

/** A profile with `size` reservations, all for other jobs except those of the loop. */
export function profileOfSize(size: number): Profile {
  const isMany = (port: number) =>
    size > 2 * MANY.ports && port >= MANY.first && port < MANY.first + MANY.ports;
  const own = Array.from({ length: ALLOWED.ports }, (_, i) => `${ALLOWED.first + i} TCP LOOP`);
  const others = Array.from({ length: REFUSED.ports }, (_, i) => `${REFUSED.first + i} TCP OTHER`);
  const rest: string[] = [];
  for (let port = 1; rest.length < size - own.length - others.length; port++) {
    const isTaken = port >= ALLOWED.first && port < REFUSED.first + REFUSED.ports;
    if (!isTaken) rest.push(`${port} TCP ${isMany(port) ? 'LOOP' : `JOB${port}`}`);
  }
  return profileOf(`PORT\n${[...own, ...others, ...rest].join('\n')}\n`);
}

/** Reports the sandbox's network namespace as its own, like the guard of a host. */
class SandboxBpf extends LinuxBpf {
  readonly #netns: bigint;

  constructor(netns: bigint) {
    super();
    this.#netns = netns;
  }

  override namespaceCookie(): bigint {
    return this.#netns;
  }
}

/** The guards and the cgroups of all policies. close() removes everything. */
export class GuardBenchFixture {
  readonly sandbox: Sandbox;
  readonly bpf: LinuxBpf;
  readonly #root: string;
  readonly #jobs: Jobs;
  readonly #guards = new Map<Size, GuardKernel>();
  readonly #closing: (() => void)[] = [];

  private constructor(sandbox: Sandbox, root: string, netns: bigint) {
    this.sandbox = sandbox;
    this.bpf = new SandboxBpf(netns);
    this.#root = root;
    const cgroups = new Map<bigint, Job>();
    for (let i = 0; i < UNITS; i++) cgroups.set(BigInt(2 ** 40 + i), named(`UNIT${i}`));
    const users = new Map<number, Job>([[0, named('LOOP')]]);
    for (let i = 0; i < ACCOUNTS; i++) users.set(1000 + i, named(`USER${i}`));
    for (const policy of POLICIES) {
      mkdirSync(this.unit(policy), { recursive: true });
      cgroups.set(this.bpf.cgroupId(this.unit(policy)), named('LOOP'));
    }
    this.#jobs = { cgroups, users };
    this.#attachOthers();
    for (const size of SIZES) this.#putIn(size);
    mkdirSync(this.userCgroup, { recursive: true });
  }

  static async open(netnsOf: (sandbox: Sandbox) => Promise<bigint>): Promise<GuardBenchFixture> {
    const sandbox = await Sandbox.open({ after: () => undefined });
    const root = join(new LinuxBpf().cgroupRoot(), `portreeve-bench-${process.pid}`);
    return new GuardBenchFixture(sandbox, root, await netnsOf(sandbox));
  }

  /** The cgroup in which the loop runs under a policy, as the job LOOP. */
  unit(policy: Policy): string {
    return join(this.#cgroup(policy), 'loop.service');
  }

  /** A cgroup that is not a job, as deep as that of a user's session, under the guard with the most reservations. */
  get userCgroup(): string {
    return join(this.#cgroup(60_000), USER_CGROUP);
  }

  #cgroup(policy: Policy): string {
    return `${this.#root}-${policy}`;
  }

  #pins(size: Size): string {
    return join(BPFFS, `${basename(this.#root)}-${size}`);
  }

  #attachOthers(): void {
    const rules = ruleList(this.bpf);
    this.#closing.push(() => rules.close());
    for (const hook of HOOKS) {
      for (const policy of ['one', 'list'] as const) {
        const program =
          policy === 'one' ? oneInstruction(this.bpf, hook) : listProgram(this.bpf, hook, rules);
        const link = this.bpf.attach(program, this.#cgroup(policy), hook);
        program.close();
        this.#closing.push(() => link.close());
      }
    }
  }

  #putIn(size: Size): void {
    const place = { pins: this.#pins(size), cgroup: this.#cgroup(size) };
    const guard = GuardKernel.install(this.bpf, place, nothingInForce());
    this.#closing.push(() => guard.remove());
    guard.setMode('enforce');
    this.#guards.set(size, guard);
    this.swap(size, tablesOf(profileOfSize(size)));
    this.keep(size);
  }

  /** Puts tables in force, and keeps the previous ones until keep() is called. */
  swap(size: Size, tables: GuardTables): void {
    this.#guards.get(size)?.swap(tables, () => this.#jobs, Date.now(), TRIAL_MS);
  }

  /** Frees the previous tables. */
  keep(size: Size): void {
    this.#guards.get(size)?.confirm();
  }

  /** Kernel memory of all maps of a guard, in bytes (memlock in proc_pid_fdinfo(5)). */
  kernelBytes(size: Size): number {
    const maps = MAP_NAMES.flatMap((name) => {
      const map = this.bpf.openMap(`${this.#pins(size)}/${name}`);
      return map ? [map, ...this.#inner(map)] : [];
    });
    const bytes = maps.map((map) => memlock(map.fd)).reduce((sum, one) => sum + one, 0);
    for (const map of maps) map.close();
    return bytes;
  }

  /** The maps in an array of maps. */
  #inner(map: KernelMap): KernelMap[] {
    if (map.info.entries !== 2) return [];
    return [0, 1].flatMap((slot) => {
      const id = map.lookup(new Uint8Array(new Uint32Array([slot]).buffer));
      const inner = id && this.bpf.mapById(new DataView(id.buffer).getUint32(0, true));
      return inner ? [inner] : [];
    });
  }

  async close(): Promise<void> {
    await this.sandbox.close();
    for (const close of this.#closing.reverse()) close();
    for (const one of POLICIES) {
      for (const { directory } of [...walkCgroups(this.#cgroup(one))].reverse()) {
        await until(`the cgroup ${directory} to be removed`, () => isRemoved(directory));
      }
    }
  }
}

function memlock(fd: number): number {
  const [, digits = ''] = /^memlock:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1')) ?? [];
  return parseDecimal(digits, MEMLOCK_MAX) ?? 0;
}
