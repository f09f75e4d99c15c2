// A guard in the kernel for a test, with its own cgroup, names in bpffs and sandbox, which are removed afterwards.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { type Job, jobNamed, parseJobName, UNKNOWN_JOB } from '../../src/base/job.ts';
import type { GuardPlace } from '../../src/guard/app/kernel/install.ts';
import { GuardKernel } from '../../src/guard/app/kernel/kernel.ts';
import {
  compileTables,
  type GuardTables,
  type Permits,
  type TableContext,
} from '../../src/guard/bpf/tables.ts';
import { noDelayUs } from '../../src/guard/core/features.ts';
import type {
  BindHook,
  KernelHook,
  KernelLink,
  KernelMap,
  KernelMapSpec,
  KernelProgram,
} from '../../src/host/host.ts';
import { BPFFS } from '../../src/host/linux/bpffs.ts';
import { walkCgroups } from '../../src/host/linux/cgroup.ts';
import { LinuxBpf } from '../../src/host/linux/kernel-bpf.ts';
import { linuxNamespaces } from '../../src/host/linux/namespaces.ts';
import { linkInfo } from '../../src/host/linux/sys/bpf-link.ts';
import type { ObjectKind } from '../../src/host/linux/sys/bpf-object.ts';
import { tickUs } from '../../src/host/linux/tick.ts';
import type { Jobs } from '../../src/job/core/jobs.ts';
import { buildProfile } from '../../src/profile/core/build.ts';
import type { Profile } from '../../src/profile/core/rules.ts';
import { parseProfile } from '../../src/profile/text/parse.ts';
import type { Report } from './binder.ts';
import { objectIds } from './bpf-queries.ts';
import type { Peers } from './peers.ts';
import { needs, probe } from './probe.ts';
import { isRemoved } from './removed.ts';
import { type Outcome, type Running, type RunOptions, Sandbox, until } from './sandbox.ts';

const BINDER = join(import.meta.dirname, 'binder.ts');
const ENTER = 'echo 0 >"$1/cgroup.procs" && shift && exec "$@"';
/** The addresses in addition to those of the loopback interface: RFC 5737, RFC 3849. */
export const ADDRESSES = ['192.0.2.1', '192.0.2.7', '2001:db8::1', '2001:db8::7', '2001:db8::8'];

/** The maximum delay of an acknowledgment with NODELAYACKS on this kernel, in microseconds. */
export const NO_DELAY_US = noDelayUs(tickUs());

const NO_ONE: Permits = { uids: new Map(), everyone: false };
const CONTEXT: TableContext = {
  authportJobs: ['FTPD*'],
  omvsJob: 'OMVS',
  permits: () => NO_ONE,
  errno: 13,
  errnoLow: 98,
  unprivilegedStart: 1024,
  noDelayUs: NO_DELAY_US,
  revision: 1,
};

/** Whether the machine supports tests of the guard; if not, the test is skipped. */
export function guardReady(t: TestContext): boolean {
  return needs(t, probe.root(), probe.netns(), probe.bpf(), probe.cgroup2(), probe.command('ip'));
}

/** The jobs: users by uid, cgroups by directory. */
export interface NamedJobs {
  readonly users?: readonly (readonly [uid: number, job: string])[];
  readonly cgroups?: readonly (readonly [directory: string, job: string])[];
}

/** How a profile is put in force. */
export interface InForce extends Partial<TableContext> {
  readonly trialMs?: number;
}

/** The user and cgroup of a program; the default is root in the guard's own cgroup. */
export interface Who {
  readonly cgroup?: string;
  readonly uid?: number;
}

/** The profile in a text, which must have no errors. */
export function profileOf(text: string): Profile {
  const { statements, findings } = parseProfile({ file: 'profile', text });
  const built = buildProfile(statements);
  const errors = [...findings, ...built.findings].filter(({ severity }) => severity === 'error');
  assert.deepEqual(errors, []);
  return built.profile;
}

export function tablesOf(profile: Profile, context: Partial<TableContext> = {}): GuardTables {
  return compileTables(profile, { ...CONTEXT, ...context });
}

export function jobsOf(bpf: LinuxBpf, { users = [], cgroups = [] }: NamedJobs): Jobs {
  const name = (job: string): Job => jobNamed(job === UNKNOWN_JOB ? UNKNOWN_JOB : parseJobName(job));
  return {
    users: new Map(users.map(([uid, job]) => [uid, name(job)])),
    cgroups: new Map(cgroups.map(([directory, job]) => [bpf.cgroupId(directory), name(job)])),
  };
}

/** The first profile of a guard, which reserves nothing. */
export function nothingInForce() {
  const jobs = (): Jobs => ({ cgroups: new Map(), users: new Map() });
  return { tables: tablesOf(profileOf(''), { revision: 0 }), jobs, nowMs: Date.now() };
}

/** The BPF of the host, which remembers every object that was created through it. */
export class WatchedBpf extends LinuxBpf {
  readonly made: (readonly [ObjectKind, number])[] = [];

  override createMap(spec: KernelMapSpec): KernelMap {
    const map = super.createMap(spec);
    this.made.push(['map', map.info.id]);
    return map;
  }

  override loadProgram(name: string, hook: KernelHook, instructions: Uint8Array): KernelProgram {
    const program = super.loadProgram(name, hook, instructions);
    this.made.push(['program', program.id]);
    return program;
  }

  override attach(program: KernelProgram, cgroup: string, hook: BindHook): KernelLink {
    const link = super.attach(program, cgroup, hook);
    if ('fd' in link && typeof link.fd === 'number') this.made.push(['link', linkInfo(link.fd).id]);
    return link;
  }

  /** Those that are still in the kernel. */
  left(): (readonly [ObjectKind, number])[] {
    const kinds: readonly ObjectKind[] = ['program', 'map', 'link'];
    // Looked up in the list: opening an object that is about to be removed would keep it.
    return kinds.flatMap((kind) => {
      const there = new Set(objectIds(kind));
      return this.made.filter(([other, id]) => other === kind && there.has(id));
    });
  }
}

/** The options of a fixture. */
export interface FixtureOptions {
  readonly peers?: Peers | undefined;
  /** Whether its guard judges the whole host: only in the sandbox's network. */
  readonly isWholeHost?: boolean;
  /** Its cgroup is a slice, so that its children can be units. */
  readonly isSlice?: boolean;
}

/** A guard that is in force for what is started in the fixture. */
export class GuardFixture {
  readonly sandbox: Sandbox;
  readonly place: GuardPlace;
  /** The directory of the fixture's own cgroup: the guard's, unless that judges the whole host. */
  readonly cgroup: string;
  readonly bpf = new WatchedBpf();
  readonly kernel: GuardKernel;
  /** The cookie of the sandbox's network namespace. */
  readonly netns: bigint;
  #isRemoved = false;

  private constructor(sandbox: Sandbox, place: GuardPlace, cgroup: string, netns: bigint) {
    this.sandbox = sandbox;
    this.place = place;
    this.cgroup = cgroup;
    this.netns = netns;
    // The sandbox's network is the guard's own, as if it had been started there.
    const install = () => GuardKernel.install(this.bpf, place, nothingInForce());
    this.kernel = linuxNamespaces.within(sandbox.network, install) ?? assert.fail('the sandbox is gone');
  }

  /** Creates a fixture that ends with the test, even on failure: the sandbox and its processes first. */
  static async open(t: Pick<TestContext, 'after'>, options: FixtureOptions = {}): Promise<GuardFixture> {
    const { peers, isWholeHost = false, isSlice = false } = options;
    const sandbox = await Sandbox.open(t, peers && { peers });
    const root = new LinuxBpf().cgroupRoot();
    const made = mkdtempSync(join(root, 'portreeve-guard-'));
    const cgroup = isSlice ? `${made}.slice` : made;
    if (isSlice) {
      rmdirSync(made);
      mkdirSync(cgroup);
    }
    t.after(() => removeCgroups(cgroup));
    const place = { cgroup: isWholeHost ? root : cgroup, pins: join(BPFFS, basename(made)) };
    const fixture = new GuardFixture(sandbox, place, cgroup, await furnish(sandbox));
    t.after(() => fixture.remove());
    return fixture;
  }

  /** Removes the guard, and waits until the kernel has released everything. */
  async remove(): Promise<void> {
    if (this.#isRemoved) return;
    this.#isRemoved = true;
    this.kernel.remove();
    assert.equal(existsSync(this.place.pins), false);
    await until('the guard to leave the kernel', () => this.bpf.left().length === 0);
  }

  /** Puts a profile in force, and returns it. */
  inForce(text: string, jobs: NamedJobs = {}, { trialMs, ...context }: InForce = {}): Profile {
    const profile = profileOf(text);
    this.kernel.swap(tablesOf(profile, context), () => this.jobs(jobs), Date.now(), trialMs);
    this.kernel.setMode('enforce');
    return profile;
  }

  jobs(named: NamedJobs): Jobs {
    return jobsOf(this.bpf, named);
  }

  /** Creates a cgroup below the guard's, or below another. */
  below(name: string, parent: string = this.cgroup): string {
    const directory = join(parent, name);
    mkdirSync(directory);
    return directory;
  }

  /** A command line that enters a cgroup and changes the user. */
  command(argv: readonly string[], { cgroup = this.cgroup, uid }: Who = {}): string[] {
    const user = uid === undefined ? [] : ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups'];
    return ['sh', '-c', ENTER, 'enter', cgroup, ...user, ...argv];
  }

  run(argv: readonly string[], who?: Who, options?: RunOptions): Promise<Outcome> {
    return this.sandbox.run(this.command(argv, who), options);
  }

  start(argv: readonly string[], who?: Who, options?: RunOptions): Running {
    return this.sandbox.start(this.command(argv, who), options);
  }
}

/** The cookie of a sandbox's network namespace (SO_NETNS_COOKIE). */
export async function namespaceIn(sandbox: Sandbox): Promise<bigint> {
  const task = JSON.stringify({ binds: [{ socket: 'tcp4', address: '127.0.0.1', port: 0 }] });
  const { stdout, stderr } = await sandbox.run([process.execPath, BINDER, task]);
  assert.equal(stderr, '');
  const { bound }: Report = JSON.parse(stdout);
  return BigInt(bound[0]?.netnsCookie ?? 0);
}

/** Adds the addresses to the sandbox's network; returns its cookie. */
async function furnish(sandbox: Sandbox): Promise<bigint> {
  const commands = ADDRESSES.map((one) => `ip address add ${one} dev lo${one.includes(':') ? ' nodad' : ''}`);
  const added = await sandbox.run(['sh', '-ec', commands.join('\n')]);
  assert.equal(added.stderr, '');
  return namespaceIn(sandbox);
}

/** Removes a cgroup and its children; the kernel releases their processes a little later. */
async function removeCgroups(directory: string): Promise<void> {
  const deepestFirst = [...walkCgroups(directory)].reverse();
  for (const { directory: one } of deepestFirst) await until(`the cgroup ${one} to go`, () => isRemoved(one));
}

/** The cgroups below the root and the names in bpffs of a place, whatever else there is. */
export function namesOf({ cgroup, pins }: GuardPlace): string[] {
  return [cgroup, pins].flatMap((path) =>
    readdirSync(dirname(path))
      .filter((name) => name.startsWith(basename(path)))
      .map((name) => join(dirname(path), name)),
  );
}
