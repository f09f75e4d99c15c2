// A sandbox with an ordinary user who can run every command of this checkout.

import type { TestContext } from 'node:test';
import { CALL_FILES } from './command-calls.ts';
import { NO_PEERS, PORTREEVE, ROOT } from './daemon.ts';
import { needs, probe } from './probe.ts';
import { type Outcome, Sandbox } from './sandbox.ts';

/** The user, and another one, the attacker. */
export const USER = 1000;
export const STRANGER = 2000;

const HOME = '/run/home';
const CHECKOUT = '/run/checkout';
const COMMAND_MS = 30_000;

export interface UserSandbox {
  readonly sandbox: Sandbox;
  /** The checkout, and the program in it. */
  readonly checkout: string;
  readonly program: string;
  /** Runs a command line of portreeve as a user without a login session, and so without XDG_RUNTIME_DIR. */
  run(line: string, uid?: number): Promise<Outcome>;
}

/** Closed after the test; undefined if the test is skipped. It has its own /tmp. */
export async function userSandbox(t: TestContext): Promise<UserSandbox | undefined> {
  if (!needs(t, probe.root(), probe.netns())) return undefined;
  const sandbox = await Sandbox.open(t, { files: CALL_FILES });
  const prepare = [
    `install -d -o ${USER} -g ${USER} -m 0700 ${HOME}`,
    `install -d -m 0755 ${CHECKOUT}`,
    `mount --bind ${ROOT} ${CHECKOUT}`,
    'mount -t tmpfs -o mode=1777 tmp /tmp',
  ].join(' && ');
  const { code, stderr } = await sandbox.run(['sh', '-c', prepare]);
  if (code !== 0) throw new Error(stderr);
  const env = { ...NO_PEERS, HOME };
  const program = PORTREEVE.replace(ROOT, CHECKOUT);
  const run: UserSandbox['run'] = (line, uid = USER) =>
    sandbox.run([program, ...line.split(' ').filter((word) => word !== '')], {
      uid,
      env,
      timeout: COMMAND_MS,
    });
  return { sandbox, checkout: CHECKOUT, program, run };
}
