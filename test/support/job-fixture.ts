// A guard in the kernel whose jobs are followed, on its own host: a slice for units, a file of users.
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { JOB_TICK_MS } from '../../src/base/limits.ts';
import { Follower } from '../../src/guard/app/follower.ts';
import { cgroupRoot } from '../../src/host/linux/cgroup.ts';
import { LinuxCgroups } from '../../src/host/linux/cgroups.ts';
import { linuxFiles } from '../../src/host/linux/files.ts';
import { GuardFixture, guardReady, profileOf, tablesOf, type Who } from './guard.ts';
import { needs, probe } from './probe.ts';

const PROGRAM = join(import.meta.dirname, 'job-bind.py');

export const ROOT = 0;
export const ALICE = 1000;
export const BOB = 1001;

/** A port for each of the jobs in the tests. */
export const PORTS = { ROOT: 4000, ALICE: 4001, NGINX: 4002, WEB: 4003, FOO: 4004, BOB: 4005 } as const;
export type KnownJob = keyof typeof PORTS;
const PROFILE = `PORT ${Object.entries(PORTS)
  .map(([job, port]) => `${port} TCP ${job}`)
  .join('\n')}\n`;

/** A guard, and the follower of its jobs. */
export class JobFixture {
  readonly guard: GuardFixture;
  readonly cgroups = new LinuxCgroups();
  readonly follower: Follower;
  readonly warnings: string[] = [];
  /** The directory of the cgroups of system units. */
  readonly slice: string;
  readonly #passwd: string;

  private constructor(t: Pick<TestContext, 'after'>, guard: GuardFixture) {
    this.guard = guard;
    // Users can list it, like the cgroups of a host.
    chmodSync(guard.place.cgroup, 0o755);
    this.slice = guard.below('system.slice');
    const directory = mkdtempSync(join(tmpdir(), 'portreeve-jobs-'));
    this.#passwd = join(directory, 'passwd');
    this.users({ root: ROOT, alice: ALICE });
    this.follower = new Follower({
      cgroups: this.cgroups,
      files: linuxFiles,
      kernel: () => guard.kernel,
      renewTables: () => {
        guard.kernel.swap(tablesOf(profileOf(PROFILE)), () => this.follower.jobs, Date.now());
        guard.kernel.setMode('enforce');
      },
      warn: (message) => this.warnings.push(message),
      root: this.pathOf(this.slice),
      passwd: this.#passwd,
      group: join(directory, 'group'),
    });
    const timer = setInterval(() => this.follower.tick(), JOB_TICK_MS);
    t.after(() => {
      clearInterval(timer);
      this.follower.close();
      rmSync(directory, { recursive: true });
    });
    this.follower.tick();
  }

  /** A fixture that ends with the test; undefined where the machine does not support it, and the test is skipped. */
  static async open(t: TestContext): Promise<JobFixture | undefined> {
    if (!guardReady(t) || !needs(t, probe.command('python3'))) return undefined;
    return new JobFixture(t, await GuardFixture.open(t));
  }

  /** A cgroup's path below the root of the hierarchy. */
  pathOf(directory: string): string {
    return directory.slice(cgroupRoot().length);
  }

  /** The users. */
  users(uids: Readonly<Record<string, number>>): void {
    const lines = Object.entries(uids).map(([name, uid]) => `${name}:x:${uid}:${uid}::/:/bin/sh\n`);
    writeFileSync(this.#passwd, lines.join(''));
  }

  /** Creates a unit, which may be delegated to a user. */
  unit(name: string, owner?: number): string {
    const directory = this.guard.below(name, this.slice);
    if (owner !== undefined) {
      for (const each of ['', '/cgroup.procs', '/cgroup.threads', '/cgroup.subtree_control']) {
        chownSync(`${directory}${each}`, owner, owner);
      }
    }
    return directory;
  }

  /** Creates a cgroup for a job, below another, with a process in it, so that it is kept; returns its directory. */
  job(name: string, parent: string = this.guard.place.cgroup): string {
    const { path } = this.follower.make(this.pathOf(parent), `${name}-1`, name, ROOT);
    const cgroup = `${cgroupRoot()}${path}`;
    this.guard.start(['sleep', '60'], { cgroup });
    return cgroup;
  }

  /** The output of a program that binds the port of a job, in one of the ways of job-bind.py. */
  bind(job: KnownJob, who: Who & { readonly way?: string; readonly env?: Record<string, string> } = {}) {
    return this.outputOf(['python3', PROGRAM, who.way ?? 'plainly', `${PORTS[job]}`], who);
  }

  /** The output of a command. */
  async outputOf(
    argv: readonly string[],
    who: Who & { readonly env?: Record<string, string> } = {},
  ): Promise<string> {
    const { stdout, stderr } = await this.guard.run(argv, who, { env: who.env ?? {} });
    return `${stdout}${stderr}`.trim();
  }
}
