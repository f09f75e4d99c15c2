// A guard that a daemon in a world of its own looks after, with a file of settings.
import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { USER_ANSWER_MS } from '../../src/base/limits.ts';
import { NO_PEERS, PORTREEVE, portreeve } from './daemon.ts';
import { GuardStage, guardReady, type StageOptions } from './guard.ts';
import { ALICE } from './job-stage.ts';
import { ONLY_PORTREEVE } from './portmap.ts';
import { needs, probe } from './probe.ts';
import type { Outcome, Running, World } from './world.ts';

const BIND = ['python3', join(import.meta.dirname, 'job-bind.py'), 'plainly'];
/** What a command may take on a busy machine. */
const COMMAND_MS = 20_000;
const SETTINGS = '/etc/portreeve/portreeve.toml';
const PASSWD = `root:x:0:0::/:/bin/sh\nalice:x:${ALICE}:${ALICE}::/:/bin/sh\n`;

/** The scene of a test. */
export interface GuardDaemon {
  readonly stage: GuardStage;
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
export interface GuardDaemonOptions extends StageOptions {
  /** Is called before the profile is applied. */
  readonly prepare?: (world: World) => Promise<void>;
}

/** Makes a network namespace with a name of ip-netns(8) in the world of a test; it goes with the world. */
export async function makeNamespace({ stage }: Pick<GuardDaemon, 'stage'>, name: string): Promise<void> {
  const { code, stderr } = await stage.world.run(['ip', 'netns', 'add', name]);
  assert.equal(code, 0, stderr);
  const up = await stage.world.run(['ip', '-n', name, 'link', 'set', 'lo', 'up']);
  assert.equal(up.code, 0, up.stderr);
}

/** One in which a profile is enforced and no daemon has been yet; undefined where the machine cannot have it. */
export async function guardDaemon(
  t: TestContext,
  profile: string,
  { prepare = async () => {}, ...options }: GuardDaemonOptions = {},
): Promise<GuardDaemon | undefined> {
  if (!guardReady(t) || !needs(t, probe.command('python3'), ONLY_PORTREEVE)) return undefined;
  const stage = await GuardStage.open(t, options);
  chmodSync(stage.cgroup, 0o755);
  const { world } = stage;
  await world.write('/etc/passwd', PASSWD);
  await world.write('/run/profile', profile);
  await prepare(world);
  const pins = ['--pins', stage.place.pins];
  const place = ['--state', '/run/state', ...pins];
  const start = () => stage.start([PORTREEVE, 'serve', ...place], {}, { env: NO_PEERS });
  // Where the user database does not answer it takes as long as that may take, and what it takes besides.
  const patience = { timeout: USER_ANSWER_MS + COMMAND_MS };
  const apply = (path: string) => portreeve(world, ['apply', path, ...place], patience);
  const applied = await apply('/run/profile');
  assert.match(applied.stdout, /recorded as revision 1/, applied.stderr);
  stage.kernel.setMode('enforce');
  return {
    stage,
    start,
    serve: async () => {
      const running = start();
      await running.waitForOutput(/portmap is ready/);
      return running;
    },
    guard: (...words) => {
      const isList = words[0] === 'namespaces' && !['add', 'remove'].includes(words[1] ?? '');
      const isLook = words.length === 0 || isList || words[0]?.startsWith('-');
      return portreeve(world, ['guard', ...words, ...(isLook ? pins : place)]);
    },
    apply,
    run: (...words) => portreeve(world, [...words, ...place]),
    settings: (text) => world.write(SETTINGS, text),
    bind: async (port, uid = 0, ...prefix) => {
      const argv = [...prefix, ...BIND, `${port}`];
      const { stdout, stderr } = await stage.run(argv, uid === 0 ? {} : { uid }, { env: NO_PEERS });
      return `${stdout}${stderr}`.trim();
    },
  };
}
