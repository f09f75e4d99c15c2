// A guard that a daemon in a world of its own looks after, with a file of settings.
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
/** What a command may take on a busy machine. */
const COMMAND_MS = 20_000;
const SETTINGS = '/etc/portreeve/portreeve.toml';
const PASSWD = `root:x:0:0::/:/bin/sh\nalice:x:${ALICE}:${ALICE}::/:/bin/sh\n`;

/** The scene of a test. */
export interface GuardDaemon {
  readonly fixture: GuardFixture;
  /** Starts `portreeve serve`. */
  start(): Running;
  /** The same, and waits until it is ready. */
  serve(): Promise<Running>;
  /** Runs a command of the guard as root; `guard` itself only looks. */
  guard(...words: readonly string[]): Promise<Outcome>;
  /** Applies a profile. */
  apply(path: string): Promise<Outcome>;
  /** Writes portreeve.toml; nobody is told. */
  settings(text: string): Promise<void>;
  /** Runs another command of portreeve as root, with the same directories. */
  run(...words: readonly string[]): Promise<Outcome>;
  /** What bind(2) of a TCP port gives in the guarded cgroup, by itself or behind other words. */
  bind(port: number, uid?: number, ...prefix: readonly string[]): Promise<string>;
}

/** What else there is in it. */
export interface GuardDaemonOptions extends FixtureOptions {
  /** Is called before the profile is applied. */
  readonly prepare?: (sandbox: Sandbox) => Promise<void>;
}

/** Makes a network namespace with a name of ip-netns(8) in the world of a test; it goes with the world. */
export async function makeNamespace({ fixture }: Pick<GuardDaemon, 'fixture'>, name: string): Promise<void> {
  const { code, stderr } = await fixture.sandbox.run(['ip', 'netns', 'add', name]);
  assert.equal(code, 0, stderr);
  const up = await fixture.sandbox.run(['ip', '-n', name, 'link', 'set', 'lo', 'up']);
  assert.equal(up.code, 0, up.stderr);
}

/** One in which a profile is enforced and no daemon has been yet; undefined where the machine cannot have it. */
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
  // Where the user database does not answer it takes as long as that may take, and what it takes besides.
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
