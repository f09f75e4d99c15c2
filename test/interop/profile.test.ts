/** The installed profile commands, as root and as an ordinary user, without a daemon. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { NO_PEERS, PORTREEVE, ROOT } from '../support/daemon.ts';
import { needs, probe } from '../support/probe.ts';
import { type Outcome, Sandbox } from '../support/sandbox.ts';

const FILES = {
  'profile.tcpip': 'INCLUDE more.tcpip\nPORT\n  80 TCP WEB SHAREPORT\n  81 TCP OLD\nHOME 192.0.2.7 LINK1\n',
  'more.tcpip': 'PORTRANGE 4000 200 TCP TESTSYS\n',
  'change.obey': 'DELETE PORT 81 TCP OLD\nPORT 82 TCP NEW\n',
  'bad.tcpip': 'PORT 80 TCP WEB\nPORTRANGE 70 20 TCP OTHER\n',
};

type Run = (line: string) => Promise<Outcome>;

/** Checks, applies, changes, queries and restores a profile. */
async function exercise(run: Run, directory: string, state: string): Promise<void> {
  const at = (line: string) =>
    run(
      line.replaceAll('@', `${directory}/`) + (line.startsWith('profile check') ? '' : ` --state ${state}`),
    );
  const output = async (line: string, code: number): Promise<string> => {
    const found = await at(line);
    assert.equal(found.code, code, `${line}: ${found.stderr}`);
    assert.doesNotMatch(found.stderr, /Warning/);
    return found.stdout;
  };
  assert.match(await output('profile check @profile.tcpip', 0), /^no errors; 1 statement /);
  assert.match(await output('profile check @bad.tcpip', 1), /bad\.tcpip:2:11: error EZZ0326I: /);
  assert.match(await output('profile history', 0), /^no profile has been applied yet/);
  assert.equal(await output('apply @bad.tcpip', 1), '');
  assert.match(await output('apply @profile.tcpip --dry-run', 0), /nothing was changed\n$/);
  assert.match(
    await output('apply @profile.tcpip', 0),
    /recorded as revision 1; nothing enforces it: the guard is off\nTo start it: .*\n$/,
  );
  assert.match(
    await output('obey @change.obey', 0),
    /recorded as revision 2; nothing enforces it: the guard is off\nTo start it: .*\n$/,
  );
  assert.match(
    await output('decide WEB 80/tcp', 0),
    /^allowed: 80\/tcp is reserved for WEB\nrule .*:3 {2}80 TCP WEB/,
  );
  assert.match(await output('decide OTHER 82/tcp', 1), /^denied: /);
  assert.match(await output('decide TESTSYS 4199/tcp', 0), /more\.tcpip:1 {2}4000 200 TCP TESTSYS/);
  assert.match(await output('reservations --zos', 0), /^04000 TCP {2}TESTSYS {2}DAR {6}04000-04199$/m);
  assert.match(
    await output('apply --revision 1', 0),
    /recorded as revision 3; nothing enforces it: the guard is off\nTo start it: .*\n$/,
  );
  await output('decide OLD 81/tcp', 0);
  const history: { revision: number; verb: string }[] = JSON.parse(await output('profile history --json', 0));
  assert.deepEqual(
    history.map(({ revision, verb }) => `${revision} ${verb}`),
    ['1 apply', '2 obey', '3 again'],
  );
  assert.match(
    await output('profile history 1', 0),
    /INCLUDE more\.tcpip\n[\s\S]*PORTRANGE 4000 200 TCP TESTSYS\n/,
  );
}

/** A sandbox in which any user can run this checkout, with the files in /run/profiles. */
async function sandbox(t: TestContext): Promise<Sandbox | undefined> {
  if (!needs(t, probe.root(), probe.netns())) return undefined;
  const files = Object.entries(FILES).map(([name, text]) => [`/run/profiles/${name}`, text]);
  const at = await Sandbox.open(t, { files: Object.fromEntries(files) });
  await at.run(['mkdir', '-m', '0755', '/run/checkout']);
  await at.run(['mount', '--bind', ROOT, '/run/checkout']);
  return at;
}

/** Runs a command line in a sandbox as a user. */
const runAs =
  (at: Sandbox, uid: number): Run =>
  (line) => {
    const env = { ...NO_PEERS, HOME: `/run/home-${uid}` };
    return at.run([PORTREEVE.replace(ROOT, '/run/checkout'), ...line.split(' ')], { uid, env });
  };

test('as the current user', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'portreeve-'));
  t.after(() => rm(directory, { recursive: true }));
  for (const [name, text] of Object.entries(FILES)) await writeFile(join(directory, name), text);
  const env = { ...process.env, XDG_CONFIG_HOME: directory };
  const run: Run = (line) =>
    new Promise((resolve) => {
      execFile(PORTREEVE, line.split(' '), { env }, (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : null;
        resolve({ code, stdout, stderr });
      });
    });
  await exercise(run, directory, join(directory, 'state'));
});

test('as root, in a state directory that an ordinary user may only read', async (t) => {
  const at = await sandbox(t);
  if (at === undefined) return;
  await exercise(runAs(at, 0), '/run/profiles', '/var/lib/portreeve');
  const user = runAs(at, 1000);
  assert.match((await user('reservations')).stdout, /^revision 3, recorded .* by root\n/);
  assert.equal((await user('decide WEB 80/tcp')).code, 0);
  assert.match((await user('profile history')).stdout, /^ +3 .*again +revision 1$/m);
  const refused = await user('apply /run/profiles/profile.tcpip --state /var/lib/portreeve');
  assert.equal(refused.code, 3);
  assert.match(refused.stderr, /cannot use \/var\/lib\/portreeve\/profile\.db: .*\n.*--state DIR/);
  assert.match((await user('reservations')).stdout, /^revision 3,/);
});

test('as an ordinary user, in their own state directory', async (t) => {
  const at = await sandbox(t);
  if (at === undefined) return;
  await at.run(['install', '-d', '-o', '1000', '-m', '0700', '/run/home-1000']);
  await exercise(runAs(at, 1000), '/run/profiles', '/run/home-1000/state');
  const user = runAs(at, 1000);
  assert.equal((await user('apply /run/profiles/change.obey')).code, 1);
  assert.equal((await user('apply /run/profiles/profile.tcpip')).code, 0);
  assert.match((await user('reservations')).stdout, /^revision 1, recorded .* by uid 1000\n/);
  assert.equal((await at.run(['ls', '/run/home-1000/.local/state/portreeve'])).stdout, 'profile.db\n');
});
