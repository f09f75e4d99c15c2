// `portreeve apply`, `obey` and `profile history`: all or nothing, and a record of it.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { listening } from '../../../test/support/listening.ts';
import { type Workspace, workspace } from '../../../test/support/profile-workspace.ts';

const FILES = {
  first: 'PORT 80 TCP WEB\n     81 TCP OLD\n',
  second: 'PORT 90 TCP OTHER\n',
  change: 'DELETE PORT 81 TCP OLD\nPORT 82 TCP NEW\n',
  bad: 'PORT 80 TCP WEB\nPORTRANGE 70 20 TCP OTHER\n',
};

/** A workspace whose commands use its state directory, and the ports in force. */
function setup(t: TestContext): Workspace & { inForce(): Promise<string> } {
  const at = workspace(t, FILES);
  const run: Workspace['run'] = (line, io) => at.run(`${line} --state ${at.state}`, io);
  const inForce = async () => {
    const { ports } = JSON.parse((await run('reservations --json')).stdout);
    return ports
      .map(({ portNumber, jobname }: { portNumber: number; jobname: string }) => `${portNumber} ${jobname}`)
      .join(', ');
  };
  return { ...at, run, inForce };
}

test('apply shows what changes, records it, and reports that nothing enforces it', async (t) => {
  const { run, inForce } = setup(t);
  const { code, stdout, stderr } = await run('apply @first');
  assert.deepEqual([code, stderr], [0, '']);
  assert.match(stdout, /^\+ {2}TCP 80 WEB .*@first:1$/m);
  assert.match(
    stdout,
    /\n2 added\nrecorded as revision 1; nothing enforces it: the guard is off\nTo start it: .*\n$/,
  );
  assert.equal(await inForce(), '80 WEB, 81 OLD');
  assert.match((await run('apply @second')).stdout, /\n1 added, 2 removed\nrecorded as revision 2;/);
  assert.equal(await inForce(), '90 OTHER');
  assert.equal(
    (await run('apply @second')).stdout,
    'no changes\nrecorded as revision 3; nothing enforces it: the guard is off\nTo start it: portreeve guard enforce\n',
  );
});

test('obey adds statements and deletes some', async (t) => {
  const { run, inForce } = setup(t);
  await run('apply @first');
  assert.match((await run('obey @change')).stdout, /\n1 added, 1 removed\nrecorded as revision 2;/);
  assert.equal(await inForce(), '80 WEB, 82 NEW');
});

test('apply --revision applies an earlier revision', async (t) => {
  const { run, inForce } = setup(t);
  for (const line of ['apply @first', 'obey @change', 'apply @second']) await run(line);
  const { code, stdout } = await run('apply --revision 2');
  assert.equal(code, 0);
  assert.match(stdout, /\n2 added, 1 removed\nrecorded as revision 4;/);
  assert.equal(await inForce(), '80 WEB, 82 NEW');
});

describe('--dry-run shows the same and does nothing', () => {
  for (const line of ['apply @first', 'obey @first']) {
    test(line, async (t) => {
      const { run, state } = setup(t);
      const dry = await run(`${line} --dry-run`);
      assert.equal(dry.code, 0);
      assert.match(dry.stdout, /\nwould be recorded as revision 1 \(\w+\); nothing was changed\n$/);
      assert.equal(existsSync(state), false);
      const done = await run(line);
      const changes = done.stdout.slice(0, done.stdout.indexOf('recorded'));
      assert.match(changes, /\n2 added\n$/);
      assert.ok(dry.stdout.startsWith(changes));
    });
  }

  test('apply --revision', async (t) => {
    const { run, inForce } = setup(t);
    await run('apply @first');
    await run('apply @second');
    assert.match(
      (await run('apply --revision 1 --dry-run')).stdout,
      /would be recorded as revision 3 \(again\)/,
    );
    assert.equal(await inForce(), '90 OTHER');
  });
});

test('--dry-run lists the open sockets that would be refused', async (t) => {
  const port = await listening(t);
  const { run, write } = setup(t);
  write('refusing', `PORT ${port} TCP RESERVED\n`);
  write('letting', `PORT ${port} TCP *\n`);
  const refused = (await run('apply @refusing --dry-run')).stdout;
  const line = refused.split('\n').find((each) => each.startsWith('refused '));
  assert.match(
    line ?? '',
    new RegExp(`tcp 127\\.0\\.0\\.1:${port} .*\\(pid ${process.pid}\\) .* @refusing:1 `),
  );
  assert.match(line ?? '', / EACCES: reserved for no one/);
  assert.match(refused, /\nopen sockets: 1 would be refused\nwould be recorded as revision 1/);
  const kept = (await run('apply @letting --dry-run')).stdout;
  assert.match(kept, /\nno open socket would be refused or need a restart\nwould be recorded/);
});

describe('what cannot be applied changes nothing', () => {
  const cases: Record<string, [line: string, code: number, expected: RegExp]> = {
    'errors in the file': [
      'apply @bad',
      1,
      /^@bad:2:11: error EZZ0326I[\s\S]*1 error\nportreeve: nothing was changed\n/,
    ],
    'a dry run of errors': ['apply @bad --dry-run', 1, /nothing was changed/],
    'errors with what is in force': ['obey @first', 1, /^@first:1:6: error[\s\S]*nothing was changed/],
    'an empty file': ['apply @empty', 1, /@empty is empty/],
    'an empty file with --keep-going': ['apply @empty --keep-going', 1, /@empty is empty/],
    'a missing file': ['apply @none', 2, /there is no file @none/],
    'without a file': ['apply', 2, /no profile was named/],
    'an unknown revision': ['apply --revision 7', 1, /there is no revision 7\nThe revisions are 1 to 1/],
    'a revision that is not a number': ['apply --revision x', 2, /"x" is not a revision/],
    'a revision 0': ['apply --revision 0', 2, /"0" is not a revision/],
    'a file and a revision': ['apply @first --revision 1', 2, /exclude each other/],
    'a revision with RACF commands': ['apply --revision 1 --racf @first', 2, /cannot be used with/],
    'obey without a file': ['obey', 2, /missing required argument/],
  };
  for (const [name, [line, code, expected]] of Object.entries(cases)) {
    test(name, async (t) => {
      const { run, write, inForce } = setup(t);
      write('empty', '');
      await run('apply @first');
      const found = await run(line);
      assert.equal(found.code, code);
      assert.equal(found.stdout, '');
      assert.match(found.stderr, expected);
      assert.equal(await inForce(), '80 WEB, 81 OLD');
      assert.equal(JSON.parse((await run('profile history --json')).stdout).length, 1);
    });
  }

  test('a refused file creates no state directory', async (t) => {
    const { run, state } = setup(t);
    assert.equal((await run('apply @bad')).code, 1);
    assert.equal(existsSync(state), false);
  });

  test('a file that is not an archive', async (t) => {
    const { runWith, write, directory } = workspace(t, { ...FILES, 'profile.db': 'precious' });
    for (const args of [
      ['apply', '@first'],
      ['reservations'],
      ['profile', 'history'],
      ['decide', 'WEB', '80/tcp'],
    ]) {
      const { code, stderr } = await runWith([...args, '--state', directory]);
      assert.equal(code, 3);
      assert.match(
        stderr,
        /^portreeve: error\[\w+\]: @profile\.db is not an archive of portreeve\n.*--state DIR/,
      );
    }
    assert.equal(readFileSync(join(directory, 'profile.db'), 'utf8'), 'precious');
    write('profile.db', '');
    assert.equal((await runWith(['apply', '@first', '--state', directory])).code, 0);
  });
});

test('the time of a trial is checked before anything is printed, also with --dry-run', async (t) => {
  const { run } = setup(t);
  for (const time of ['banana', '0s', '25h', '2d', '999ms', '1.5m']) {
    for (const dry of ['', ' --dry-run']) {
      const { code, stdout, stderr } = await run(`apply @first --try ${time}${dry}`);
      assert.deepEqual([code, stdout], [2, ''], time);
      assert.match(
        stderr,
        /^portreeve: error\[\w+\]: ".*" is not a valid duration for --try\n--try takes 1s to 1d,/,
      );
    }
  }
  for (const time of ['24h', '1d', '90', '1500ms'])
    assert.equal((await run(`apply @first --try ${time} --dry-run`)).code, 0, time);
});

test('--keep-going ignores what z/OS ignores, and records that', async (t) => {
  const { run, inForce } = setup(t);
  const { code, stdout, stderr } = await run('apply @bad --keep-going');
  assert.equal(code, 0);
  assert.match(stderr, /EZZ0326I[\s\S]*\n1 error\n$/);
  assert.match(stdout, /recorded as revision 1;/);
  assert.equal(await inForce(), '80 WEB');
  assert.match((await run('profile history')).stdout, /apply --keep-going {2}@bad/);
});

test('a file with warnings and skipped statements is applied', async (t) => {
  const { run, write } = setup(t);
  write('warned', 'PORT 80 TCP *\n     80 TCP WEB\nHOME 192.0.2.7 L\n');
  const { code, stderr } = await run('apply @warned');
  assert.equal(code, 0);
  assert.match(stderr, /: warning: [\s\S]*\nno errors, 1 warning; 1 statement that .* was skipped\n$/);
});

describe('history', () => {
  test('is empty before a profile is applied', async (t) => {
    const { run, state } = setup(t);
    assert.deepEqual(await run('profile history'), {
      code: 0,
      stdout: 'no profile has been applied yet\n',
      stderr: '',
    });
    assert.equal((await run('profile history --json')).stdout, '[]\n');
    assert.equal((await run('profile history 1')).code, 1);
    assert.equal(existsSync(state), false);
  });

  test('lists revision, time, user and kind of change', async (t) => {
    const { run, write } = setup(t);
    write('outer', 'INCLUDE second\n');
    for (const line of ['apply @first', 'obey @change', 'apply @outer', 'apply --revision 2'])
      await run(line);
    const { stdout } = await run('profile history');
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.trim().split(/ {2,}/));
    assert.deepEqual(
      lines.map(([number, , ...rest]) => [number, ...rest]),
      [
        ['REVISION', 'USER', 'VERB', 'WHAT'],
        ['1', '4711', 'apply', '@first'],
        ['2', '4711', 'obey', '@change'],
        ['3', '4711', 'apply', '@outer and 1 included'],
        ['4', '4711', 'again', 'revision 2'],
      ],
    );
    for (const [, time = ''] of lines.slice(1)) assert.match(time, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
    const [first, , , last] = JSON.parse((await run('profile history --json')).stdout);
    assert.match(first.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.deepEqual([first.revision, first.uid, first.user, first.paths], [1, 4711, null, ['@first']]);
    assert.deepEqual([last.verb, last.again, last.paths], ['again', 2, []]);
  });

  test('shows the text as it was', async (t) => {
    const { run, write } = setup(t);
    write('outer', 'INCLUDE second\n');
    await run('apply @first');
    await run('apply @outer');
    write('first', '; gone\n');
    write('second', '; gone\n');
    assert.equal((await run('profile history 1')).stdout, FILES.first);
    assert.equal(
      (await run('profile history 2')).stdout,
      `; ==> @outer <==\nINCLUDE second\n\n; ==> @second <==\n${FILES.second}`,
    );
    const { texts, racf } = JSON.parse((await run('profile history 2 --json')).stdout);
    assert.deepEqual([texts[1], racf], [{ path: '@second', text: FILES.second }, null]);
    assert.equal((await run('profile history x')).code, 2);
  });

  test('prints no control characters to a terminal', async (t) => {
    const { run, write } = setup(t);
    write('odd', 'PORT 80\tTCP WEB ; \u009b31m\n');
    await run('apply @odd');
    assert.equal((await run('profile history 1', { columns: 80 })).stdout, 'PORT 80\tTCP WEB ; \\x9b31m\n');
    assert.equal((await run('profile history 1')).stdout, 'PORT 80\tTCP WEB ; \u009b31m\n');
  });
});

test('without --state the archive is in the XDG directory', async (t) => {
  const { run, directory } = workspace(t, FILES);
  assert.equal((await run('apply @first')).code, 0);
  assert.ok(existsSync(join(directory, '.local/state/portreeve/profile.db')));
  assert.match((await run('reservations')).stdout, /^revision 1, recorded .* by uid 4711\n/);
});

test('the profile, its RACF commands and its names may come from portreeve.toml', async (t) => {
  const { run, write, directory } = setup(t);
  write('racf', '/* none */\n');
  write('toml', `[profile]\nfile = "${directory}/first"\nracf = "${directory}/racf"\ntcpname = "TCPCS"\n`);
  assert.equal((await run('apply --config @toml')).code, 0);
  const { racf, options } = JSON.parse((await run('profile history 1 --json')).stdout);
  assert.deepEqual([racf.text, options.tcpname], ['/* none */\n', 'TCPCS']);
});
