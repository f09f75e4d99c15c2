/** A sandbox in which the doctor runs: files, settings, sockets, a profile, and the findings as data. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Code } from '../../../src/doctor/core/findings/checks/all.ts';
import { needs, probe } from '../probe.ts';
import { type Outcome, type Running, type RunOptions, Sandbox } from '../sandbox.ts';
import type { AgentSocket } from './agent.ts';

const MAIN = join(import.meta.dirname, '../../../src/main.ts');
const AGENT = join(import.meta.dirname, 'agent.ts');
const DOCTOR_MS = 60_000;
/** The state directory. The default one might belong to a guard. */
const STATE = '/run/portreeve-state';

export interface Agent {
  readonly sockets: readonly AgentSocket[];
  /** More arguments in its command line. */
  readonly args?: readonly string[];
  readonly uid?: number;
}

export interface HostSetup {
  readonly files?: Readonly<Record<string, string>>;
  /** Kernel settings, named without "net.ipv4.". */
  readonly settings?: Readonly<Record<string, string>>;
  /** Started in order; each starts when the previous one has its sockets. */
  readonly agents?: readonly Agent[];
  readonly profile?: string;
  /** Registrations with the port mapper, which then runs: "100024 1 tcp 700". */
  readonly registered?: readonly string[];
  readonly doctor?: readonly string[];
}

/** A finding as `--json` prints it. */
export interface FoundJson {
  readonly code: Code;
  readonly severity: string;
  readonly what: string;
  readonly ports: readonly { readonly first: number; readonly last: number }[];
  readonly advice: string;
  readonly fix: {
    readonly commands: readonly string[];
    readonly files: readonly { readonly path: string; readonly text: string }[];
  } | null;
  readonly suppressionReason: string | null;
}

/** The exit status and the output of `portreeve doctor --json`. */
export interface DoctorOutput {
  readonly code: number | null;
  readonly findings: readonly FoundJson[];
  readonly suppressedCount: number;
  readonly unknown: readonly string[];
}

export class DoctorSandbox {
  readonly sandbox: Sandbox;

  private constructor(sandbox: Sandbox) {
    this.sandbox = sandbox;
  }

  /** Undefined where the test is skipped. */
  static async open(t: TestContext, setup: HostSetup): Promise<DoctorSandbox | undefined> {
    if (!needs(t, probe.root(), probe.netns(), probe.command('ip'), probe.ipv6())) return undefined;
    const { files = {}, settings = {}, agents = [], profile, registered } = setup;
    const self = new DoctorSandbox(await Sandbox.open(t, { files }));
    for (const [name, value] of Object.entries(settings)) await self.set(name, value);
    if (registered) await self.#register(registered);
    for (const agent of agents) await self.start(agent);
    if (profile !== undefined) {
      await self.sandbox.write('/etc/portreeve/profile.tcpip', profile);
      await self.must('apply', '/etc/portreeve/profile.tcpip', '--state', STATE);
    }
    return self;
  }

  /** Writes a kernel setting from inside, where it is that of the sandbox. */
  async set(name: string, value: string): Promise<void> {
    const script = 'echo "$2" > "/proc/sys/net/ipv4/$1"';
    const { code, stderr } = await this.sandbox.run(['sh', '-c', script, 'set', name, value]);
    assert.equal(code, 0, stderr);
  }

  async setting(name: string): Promise<string> {
    return (await this.sandbox.run(['cat', `/proc/sys/net/ipv4/${name}`])).stdout.trim();
  }

  async start({ sockets, args = [], uid }: Agent): Promise<Running> {
    const input = JSON.stringify(sockets);
    const argv = [process.execPath, AGENT, ...args];
    const running = this.sandbox.start(argv, uid === undefined ? { input } : { input, uid });
    await running.waitForOutput(/ready/);
    return running;
  }

  /** Runs a command of portreeve. */
  run(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
    return this.sandbox.run([process.execPath, MAIN, ...args], { timeout: DOCTOR_MS, ...options });
  }

  async must(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(args);
    assert.equal(code, 0, `${args.join(' ')}: ${stderr}`);
    return stdout;
  }

  /** Runs the doctor with the state directory of the sandbox. */
  doctor(args: readonly string[] = [], options: RunOptions = {}): Promise<Outcome> {
    return this.run(['doctor', '--state', STATE, ...args], options);
  }

  async examine(...args: readonly string[]): Promise<DoctorOutput> {
    const { code, stdout, stderr } = await this.doctor(['--json', ...args]);
    assert.notEqual(stdout, '', stderr);
    return { code, ...JSON.parse(stdout) };
  }

  async #register(registered: readonly string[]): Promise<void> {
    const daemon = this.sandbox.start([process.execPath, MAIN, 'serve']);
    await daemon.waitForOutput(/portmap is ready/);
    for (const words of registered) await this.must('portmap', 'set', ...words.split(' '));
  }
}

/** The ports of each finding with a code: "40000 40010-40019". */
export function portsFound({ findings }: DoctorOutput, code: Code): string[] {
  return findings
    .filter((finding) => finding.code === code)
    .map(({ ports }) =>
      ports.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`)).join(' '),
    );
}
