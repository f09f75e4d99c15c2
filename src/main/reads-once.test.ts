// A command reads portreeve.toml once, and /etc/passwd once: all its parts use the same settings and users.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { listening } from '../../test/support/listening.ts';
import { needs, probe } from '../../test/support/probe.ts';
import { workspace } from '../../test/support/profile-workspace.ts';

const RESOURCE = 'EZB.PORTACCESS.*.TCPIP.ADMIN';
const FILES = {
  profile: 'PORT 80 TCP WEB SAF ADMIN\n     81 TCP *\n',
  racf: `RDEFINE SERVAUTH ${RESOURCE}\nPERMIT ${RESOURCE} CLASS(SERVAUTH) ID(ROOT) ACCESS(READ)\n`,
};

/** Counts how often each file is opened while the test runs. */
function countingOpens(t: TestContext): (path: string) => number {
  const opened = new Map<string, number>();
  const { openSync } = fs;
  t.mock.method(fs, 'openSync', (...args: Parameters<typeof openSync>) => {
    opened.set(`${args[0]}`, (opened.get(`${args[0]}`) ?? 0) + 1);
    return openSync(...args);
  });
  syncBuiltinESMExports();
  t.after(() => {
    t.mock.restoreAll();
    syncBuiltinESMExports();
  });
  return (path) => opened.get(path) ?? 0;
}

/** Runs a command of a user with settings, RACF commands, and an applied profile; a socket listens on `PORT`. */
async function reads(t: TestContext, line: string, uid: number): Promise<[settings: number, users: number]> {
  const at = workspace(t, FILES);
  const port = await listening(t);
  const config = at.write(
    'toml',
    `[profile]\nfile = "${at.directory}/profile"\nracf = "${at.directory}/racf"\n`,
  );
  // The default location of the settings.
  const usual = join(at.directory, '.config/portreeve');
  fs.mkdirSync(usual, { recursive: true });
  fs.copyFileSync(config, join(usual, 'portreeve.toml'));
  const around = { uid, env: { HOME: at.directory } };
  assert.equal((await at.run(`apply --config @toml --state ${at.state}`, around)).code, 0);
  const count = countingOpens(t);
  const { code, stderr } = await at.run(line.replace('PORT', `${port}`).replace('STATE', at.state), around);
  assert.ok(code < 2, stderr);
  return [count(config) + count(join(usual, 'portreeve.toml')), count('/etc/passwd')];
}

/** The uid of no user, without a daemon and without a guard. */
const USER = 4711;

describe('a user reads the settings and the users', () => {
  const cases: Record<string, [line: string, settings: number, users: number]> = {
    apply: ['apply --config @toml --state STATE', 1, 1],
    'apply --dry-run': ['apply --config @toml --state STATE --dry-run', 1, 1],
    obey: ['obey @profile --config @toml --state STATE --keep-going', 1, 1],
    decide: ['decide WEB 80/tcp --config @toml --state STATE', 1, 1],
    explain: ['explain PORT --state STATE', 1, 1],
    doctor: ['doctor --config @toml --state STATE', 1, 1],
    ports: ['ports PORT --state STATE', 0, 1],
    events: ['events --state STATE', 0, 0],
  };
  for (const [name, [line, ...expected]] of Object.entries(cases))
    test(name, async (t) => assert.deepEqual(await reads(t, line, USER), expected));
});

describe('root also reads them once when the command inspects the guard', () => {
  const pins = `/sys/fs/bpf/portreeve-none-${process.pid}`;
  for (const line of ['apply --config @toml --state STATE', 'guard --config @toml --state STATE']) {
    test(line, async (t) => {
      if (!needs(t, probe.root(), probe.bpf())) return;
      assert.deepEqual(await reads(t, `${line} --pins ${pins}`, 0), [1, 1]);
    });
  }
});
