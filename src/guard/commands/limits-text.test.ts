// Where the kernel is not exact, as `apply`, `obey` and `guard` print it, and the effect of `--exact`.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { describe, type TestContext, test } from 'node:test';
import { type Workspace, workspace } from '../../../test/support/profile-workspace.ts';
import { otherNotes } from '../app/kernel-limits.ts';
import { notesText } from './guard-text.ts';

const ADMIN = 'EZB.PORTACCESS.*.TCPIP.ADMIN';
const FILES = {
  plain: 'PORT 80 TCP WEB\n',
  // Linux itself restricts low ports: that is reported, and makes no difference for a program.
  low: 'TCPCONFIG RESTRICTLOWPORTS\nPORT 80 TCP WEB\n',
  late: 'PORT\n  80 TCP WEB\n  UNRSV TCP WEB\n  UNRSV TCP * DENY\n',
  explicit: 'GLOBALCONFIG EXPLICITBINDPORTRANGE 5000 100\n',
  grouped: 'PORT 80 TCP WEB SAF ADMIN\n',
  groups: `RDEFINE SERVAUTH ${ADMIN}\nPERMIT ${ADMIN} CLASS(SERVAUTH) ID(ROOT) ACCESS(READ)\n`,
};

function setup(t: TestContext): Workspace {
  const at = workspace(t, FILES);
  return { ...at, run: (line, io) => at.run(`${line} --state ${at.state}`, io) };
}

const LATE =
  /^@late:3 \(and 1 more\): note: WHENLISTEN: .*\nThe kernel calls no BPF program at listen\(2\)\. .*\n$/;

test('a deviation is reported once, with the first statement that it affects', async (t) => {
  const { run } = setup(t);
  for (const line of ['apply @late --dry-run', 'obey @late --dry-run', 'apply @late', 'apply --revision 1']) {
    const { code, stderr } = await run(line);
    assert.equal(code, 0);
    assert.match(stderr, LATE);
  }
  assert.equal((await run('apply @plain')).stderr, '');
});

test('obey reports those of the whole profile in force', async (t) => {
  const { run } = setup(t);
  await run('apply @late');
  assert.match(
    (await run('obey @explicit')).stderr,
    /^@late:3 .*WHENLISTEN[\s\S]*\n@explicit:1: note: EXPLICITBINDPORTRANGE/,
  );
});

describe('--exact refuses the profile, and changes nothing', () => {
  for (const line of ['apply @late', 'obey @late', 'apply @late --dry-run']) {
    test(line, async (t) => {
      const { run, state } = setup(t);
      const { code, stdout, stderr } = await run(`${line} --exact`);
      assert.deepEqual([code, stdout], [1, '']);
      assert.match(
        stderr,
        /the kernel cannot do 1 thing exactly as the profile states; nothing was changed\n/,
      );
      assert.match(stderr, /^@late:3 \(and 1 more\): note: WHENLISTEN/);
      assert.equal(existsSync(state), false);
    });
  }

  test('with the profile in force, too', async (t) => {
    const { run } = setup(t);
    await run('apply @late');
    const { code, stderr } = await run('obey @explicit --exact');
    assert.equal(code, 1);
    assert.match(stderr, /the kernel cannot do 2 things/);
    assert.equal((await run('apply --revision 1 --exact')).code, 1);
    assert.equal((await run('profile history 2')).code, 1);
  });

  test('but not what the kernel can do', async (t) => {
    const { run } = setup(t);
    for (const [number, file] of ['plain', 'low'].entries()) {
      const { code, stdout } = await run(`apply @${file} --exact`);
      assert.equal(code, 0);
      assert.match(stdout, new RegExp(`\\nrecorded as revision ${number + 1};`));
    }
    assert.match((await run('apply @low --exact')).stderr, /^@low:1: note: RESTRICTLOWPORTS:/);
  });
});

test('SAF: that groups come from the user database matters where one has access', async (t) => {
  const { run } = setup(t);
  const grouped = /^@grouped:1: note: SAF: the groups of a user/m;
  assert.match((await run('apply @grouped --racf @groups')).stderr, grouped);
  assert.equal((await run('apply @grouped --racf @groups --exact')).code, 1);
  // Without RACF commands no user has access.
  assert.doesNotMatch((await run('apply @grouped')).stderr, grouped);
  assert.equal((await run('apply @grouped --exact')).code, 0);
});

test("what is reported as a limit is not repeated as a note about the kernel's settings", () => {
  const note = { severity: 'note', message: 'one range', hint: '', source: undefined } as const;
  const notes = [
    { ...note, code: 'EPHEMERAL_PORTS_SHARED' },
    { ...note, code: 'CLIENT_PORTS_FEW', severity: 'warning', message: 'few stay' },
  ] as const;
  const reported = (...limits: readonly { readonly code: string }[]) => notesText(otherNotes(notes, limits));
  assert.equal(reported(), 'portreeve: one range\nportreeve: warning: few stay\n');
  assert.equal(reported({ code: 'EPHEMERAL_PORTS_SHARED' }), 'portreeve: warning: few stay\n');
});
