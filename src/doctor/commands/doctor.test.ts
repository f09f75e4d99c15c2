// `portreeve doctor`: its arguments, its errors, and that an examination changes nothing.
import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { capturedIo } from '../../../test/support/captured-io.ts';
import { needs, probe } from '../../../test/support/probe.ts';
import { takeLock } from '../../host/linux/lock.ts';
import { run } from '../../main/program.ts';
import { CODES, checkOf } from '../core/findings/checks/all.ts';

function directory(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'portreeve-'));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

async function doctor(...args: readonly string[]) {
  const io = capturedIo();
  const code = await run(['doctor', ...args], io);
  return { code, stdout: io.stdout(), stderr: io.stderr() };
}

test('explains a code, in upper or lower case', async () => {
  const result = await doctor('client_on_port');
  assert.equal(result.code, 0);
  assert.ok(result.stdout.startsWith('CLIENT_ON_PORT: a client holds the port of a service\nerror: '));
  assert.deepEqual(await doctor('CLIENT_ON_PORT'), result);
});

test('prints the record of the check as JSON', async () => {
  const { stdout } = await doctor('LOW_PORTS_OPEN', '--json');
  assert.deepEqual(JSON.parse(stdout), JSON.parse(JSON.stringify(checkOf('LOW_PORTS_OPEN'))));
});

describe('usage errors', () => {
  const cases: Record<string, [args: string[], stderr: RegExp]> = {
    'a misspelled code': [
      ['CLIENT_ON_PROT'],
      /^portreeve: error\[\w+\]: "CLIENT_ON_PROT" is not the code of a finding\nDid you mean CLIENT_ON_PORT\?\n$/,
    ],
    'a word that is not a code': [
      ['x'],
      /^portreeve: error\[\w+\]: "x" is not the code of a finding\nTo list all codes: man portreeve-doctor\n$/,
    ],
    'a word that is not a severity': [
      ['--fail-on', 'note'],
      /^portreeve: error\[\w+\]: "note" is not a severity\nUse one of info, warning, error\.\n$/,
    ],
    'a code with --fix': [
      ['LOW_PORTS_OPEN', '--fix'],
      /^portreeve: error\[\w+\]: a code can be explained, but not fixed/,
    ],
    'a code with --undo': [
      ['LOW_PORTS_OPEN', '--undo'],
      /^portreeve: error\[\w+\]: a code can be explained, but not fixed/,
    ],
    'a tree that does not exist': [
      ['--root', '/nonexistent/tree', '--fix', '--yes'],
      /^portreeve: error\[\w+\]: there is no directory \/nonexistent\/tree\nCheck --root\.\n$/,
    ],
    '--yes without --fix': [['--yes'], /^portreeve: error\[\w+\]: --yes requires --fix\n/],
    '--undo with --fix': [['--undo', '--fix'], /cannot be used with option '--fix'/],
    'a settings file that does not exist': [
      ['--config', '/nonexistent/x.toml'],
      /^portreeve: error\[\w+\]: there is no file/,
    ],
  };
  for (const [name, [args, stderr]] of Object.entries(cases)) {
    test(name, async () => {
      const result = await doctor(...args);
      assert.deepEqual([result.code, result.stdout], [2, '']);
      assert.match(result.stderr, stderr);
    });
  }

  test('a BPXPRMxx member that does not exist', async (t) => {
    const { code, stderr } = await doctor('--bpxprm', join(directory(t), 'nosuch'));
    assert.equal(code, 2);
    assert.match(stderr, /^portreeve: error\[\w+\]: there is no file .*\/nosuch\n/);
  });
});

test('examines this host without creating files', async (t) => {
  const state = join(directory(t), 'state');
  const { code, stdout } = await doctor('--json', '--state', state);
  const { findings, suppressedCount, unknown } = JSON.parse(stdout);
  assert.ok(code === 0 || code === 1);
  assert.ok(Array.isArray(findings) && Array.isArray(unknown) && suppressedCount === 0);
  assert.equal(existsSync(state), false);
});

test('suppresses every code that portreeve.toml lists', async (t) => {
  const config = join(directory(t), 'portreeve.toml');
  const entries = CODES.map((code) => `{ code = "${code}", reason = "all of them" }`);
  writeFileSync(config, `[doctor]\nsuppress = [${entries.join(', ')}]\n`);
  const state = join(directory(t), 'state');
  const { code, stdout } = await doctor('--config', config, '--state', state, '--fail-on', 'info');
  assert.equal(code, 0);
  assert.match(stdout, /^no findings/);
  const { stderr } = await doctor('--config', config, '--state', state, '--all');
  assert.match(stderr, /portreeve: \[doctor\] suppress lists [A-Z_]+, but there is no such finding\n/);
});

test('a file of the doctor that cannot be read is reported, and is not a usage error', async (t) => {
  const root = directory(t);
  mkdirSync(join(root, 'etc/sysctl.d/zz-portreeve-doctor.conf'), { recursive: true });
  writeFileSync(join(root, 'etc/services'), '# Local services\nportreeve-test 42357/tcp\n');
  const args = ['--root', root, '--state', '/state'];
  const { findings, unknown } = JSON.parse((await doctor(...args, '--json')).stdout);
  const finding = findings.find(
    ({ ports: [range] }: { ports: [{ first: number }] }) => range?.first === 42_357,
  );
  assert.deepEqual([finding?.code, finding?.fix], ['SERVICES_RESERVE_NOTHING', null]);
  assert.equal(unknown.filter((reason: string) => reason.includes('zz-portreeve-doctor.conf')).length, 1);
  const { code, stderr } = await doctor(...args, '--fix');
  assert.equal(code, 3);
  assert.match(
    stderr,
    /\nportreeve: error\[FILE_UNREADABLE\]: cannot read .*zz-portreeve-doctor\.conf: it is a directory\n/,
  );
});

test('--undo requires root', async (t) => {
  if (!needs(t, probe.root())) return;
  const io = capturedIo({ uid: 1000, env: { HOME: directory(t) } });
  assert.equal(await run(['doctor', '--undo'], io), 3);
  assert.match(io.stderr(), /only root can undo the fixes of the doctor/);
});

test('only one doctor changes files at a time, and another reports its pid', async (t) => {
  const root = directory(t);
  mkdirSync(join(root, 'state/doctor'), { recursive: true });
  const lock = takeLock(join(root, 'state/doctor/lock'));
  assert.ok(!('heldBy' in lock));
  const args = ['--root', root, '--state', '/state', '--undo'];
  const refused = await doctor(...args);
  assert.equal(refused.code, 3);
  assert.match(refused.stderr, new RegExp(`another portreeve doctor is running \\(pid ${process.pid}\\)`));
  lock.release();
  assert.equal((await doctor(...args)).code, 0);
});

test('changes only files inside the tree of --root, and keeps their mode', async (t) => {
  const root = directory(t);
  const outside = directory(t);
  mkdirSync(join(root, 'etc'));
  symlinkSync(outside, join(root, 'etc/sysctl.d'));
  writeFileSync(join(root, 'etc/services'), '# Local services\nportreeve-test 42357/tcp\n');
  const args = ['--root', root, '--state', '/state'];
  const fixed = await doctor(...args, '--fix', '--yes');
  assert.equal(fixed.code, 0);
  assert.ok(fixed.stdout.includes(`wrote ${root}/etc/sysctl.d/zz-portreeve-doctor.conf\n`), fixed.stdout);
  assert.ok(fixed.stdout.endsWith(`to undo it: portreeve doctor --undo --root ${root} --state /state\n`));
  assert.deepEqual(readdirSync(outside), []);
  const boot = join(root, outside, 'zz-portreeve-doctor.conf');
  assert.match(readFileSync(boot, 'utf8'), /^net\.ipv4\.ip_local_reserved_ports = .*42357/m);
  chmodSync(boot, 0o600);
  writeFileSync(join(root, 'etc/services'), '# Local services\nportreeve-test 42357/tcp\nother 42359/tcp\n');
  assert.equal((await doctor(...args, '--fix', '--yes')).code, 0);
  assert.equal(statSync(boot).mode & 0o777, 0o600);
  assert.equal((await doctor(...args, '--undo')).code, 0);
  assert.equal(existsSync(boot), false);
});

test('a user who can write to the tree of --root can use --undo', async (t) => {
  const root = directory(t);
  const args = ['--root', root, '--state', '/state'];
  const { code, stdout } = await doctor(...args, '--undo');
  assert.deepEqual([code, stdout], [0, 'there is nothing to undo\n']);
  assert.deepEqual(JSON.parse((await doctor(...args, '--undo', '--json')).stdout), {
    commands: [],
    files: [],
    skipped: [],
  });
});
