// A guard with a daemon in its own sandbox, and a settings file.
import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { USER_ANSWER_MS } from '../../src/base/limits.ts';
import { NO_PEERS, PORTREEVE, portreeve } from './daemon.ts';
import { type FixtureOptions, GuardFixture, guardReady } from './guard.ts';
import { ALICE } from './job-fixture.ts';
import { ONLY_PORTREEVE } from './portmap.ts';
import { needs, probe } from './probe.ts';
import type { Outcome, Running, Sandbox } from './sandbox.ts';

const BIND = ['python3', join(import.meta.dirname, 'job-bind.py'), 'plainly'];
/** The timeout of a command on a busy machine. */
const COMMAND_MS = 20_000;
const SETTINGS = '/etc/portreeve/portreeve.toml';
const PASSWD = `root:x:0:0::/:/bin/sh\nalice:x:${ALICE}:${ALICE}::/:/bin/sh\n`;

/** The setup of a test. */
export interface GuardDaemon {
  readonly fixture: GuardFixture;
  /** Starts `portreeve serve`. */
  start(): Running;
  /** The same, and waits until it is ready. */
  serve(): Promise<Running>;
  /** Runs a command of the guard as root; without arguments, `guard` only shows the state. */
  guard(...words: readonly string[]): Promise<Outcome>;
  /** Applies a profile. */
  apply(path: string): Promise<Outcome>;
  /** Writes portreeve.toml, without a notification. */
  settings(text: string): Promise<void>;
  /** Runs another command of portreeve as root, with the same directories. */
  run(...words: readonly string[]): Promise<Outcome>;
  /** The result of bind(2) of a TCP port in the guarded cgroup, optionally after a command prefix. */
  bind(port: number, uid?: number, ...prefix: readonly string[]): Promise<string>;
}

/** What else it contains. */
export interface GuardDaemonOptions extends FixtureOptions {
  /** Called before the profile is applied. */
  readonly prepare?: (sandbox: Sandbox) => Promise<void>;
}

/** Creates a named network namespace (ip-netns(8)) in a test's sandbox; it is removed with the sandbox. */
export async function makeNamespace({ fixture }: Pick<GuardDaemon, 'fixture'>, name: string): Promise<void> {
  const { code, stderr } = await fixture.sandbox.run(['ip', 'netns', 'add', name]);
  assert.equal(code, 0, stderr);
  const up = await fixture.sandbox.run(['ip', '-n', name, 'link', 'set', 'lo', 'up']);
  assert.equal(up.code, 0, up.stderr);
}

/** A setup with an enforced profile, without a daemon yet; undefined where the machine does not support it. */
export async function guardDaemon(
  t: TestContext,
  profile: string,
  { prepare = async () => {}, ...options }: GuardDaemonOptions = {},
): Promise<GuardDaemon | undefined> {
  if (!guardReady(t) || !needs(t, probe.command('python3'), ONLY_PORTREEVE)) return undefined;
  const fixture = await GuardFixture.open(t, options);
  chmodSync(fixture.cgroup, 0o755);
  const { sandbox } = fixture;
  await sandbox.write('/etc/passwd', PASSWD);
  await sandbox.write('/run/profile', profile);
  await prepare(sandbox);
  const pins = ['--pins', fixture.place.pins];
  const place = ['--state', '/run/state', ...pins];
  const start = () => fixture.start([PORTREEVE, 'serve', ...place], {}, { env: NO_PEERS });
  // If the user database does not answer, it takes as long as that may take, in addition.
  const timeout = { timeout: USER_ANSWER_MS + COMMAND_MS };
  const apply = (path: string) => portreeve(sandbox, ['apply', path, ...place], timeout);
  const applied = await apply('/run/profile');
  assert.match(applied.stdout, /recorded as revision 1/, applied.stderr);
  fixture.kernel.setMode('enforce');
  return {
    fixture,
    start,
    serve: async () => {
      const running = start();
      await running.waitForOutput(/portmap is ready/);
      return running;
    },
    guard: (...words) => {
      const isList = words[0] === 'namespaces' && !['add', 'remove'].includes(words[1] ?? '');
      const isPoll = words.length === 0 || isList || words[0]?.startsWith('-');
      return portreeve(sandbox, ['guard', ...words, ...(isPoll ? pins : place)]);
    },
    apply,
    run: (...words) => portreeve(sandbox, [...words, ...place]),
    settings: (text) => sandbox.write(SETTINGS, text),
    bind: async (port, uid = 0, ...prefix) => {
      const argv = [...prefix, ...BIND, `${port}`];
      const { stdout, stderr } = await fixture.run(argv, uid === 0 ? {} : { uid }, { env: NO_PEERS });
      return `${stdout}${stderr}`.trim();
    },
  };
}
