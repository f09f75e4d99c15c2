// Processes in /proc: names, start times, and visibility to other users.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { describe, type TestContext, test } from 'node:test';
import { needs, probe } from '../../../test/support/probe.ts';
import { isOpenTo, ProcessOwner, parseStat } from './process-owner.ts';

/** proc_pid_stat(5) of Linux 6.18, from the state on: the flags are the 7th, the start is the 20th. */
const REST =
  'S 1 812 812 0 -1 4194560 90 0 0 0 7 3 0 0 20 0 1 0 2402686 2625536 192 18446744073709551615 1 1 0 0 0 0 0 0 0';

describe('a line of stat', () => {
  test('is parsed', () => {
    assert.deepEqual(parseStat(`812 (nginx) ${REST}`), {
      ...{ name: 'nginx', parent: 1, startTicks: 2_402_686, isBare: false },
    });
  });

  for (const name of ['a b', 'a) S 7 (b', ')', '', '(']) {
    test(`may have the name "${name}"`, () => {
      const stat = parseStat(`812 (${name}) ${REST}`);
      assert.deepEqual([stat?.name, stat?.parent, stat?.startTicks], [name, 1, 2_402_686]);
    });
  }

  test('identifies kernel threads and zombies', () => {
    const isBare = (rest: string) => parseStat(`2 (x) ${rest}`)?.isBare;
    assert.equal(isBare(REST.replace('S', 'Z')), true);
    assert.equal(isBare(REST.replace('4194560', `${0x20_8040}`)), true);
    assert.equal(isBare(REST), false);
  });

  for (const text of [
    '',
    '812',
    '812 (nginx',
    '812 (nginx) S 1',
    `812 (nginx) ${REST.replace('2402686', 'x')}`,
  ]) {
    test(`is invalid: "${text.slice(0, 20)}"`, () => assert.equal(parseStat(text), undefined));
  }
});

describe('a process', () => {
  const own = () => new ProcessOwner(process.pid, readFileSync('/proc/self/stat', 'utf8'));

  test('reads further fields on demand', () => {
    const { pid, parent, uid, command, cgroup, startTicks } = own();
    assert.deepEqual([pid, parent, uid], [process.pid, process.ppid, process.geteuid?.()]);
    assert.match(command, /node/);
    assert.ok(startTicks > 0);
    assert.equal(cgroup === undefined || cgroup.startsWith('/'), true);
  });

  test('that has ended reports nothing about another process with the same pid', () => {
    const stat = readFileSync('/proc/self/stat', 'utf8');
    const { startTicks } = own();
    const earlier = new ProcessOwner(process.pid, stat.replace(` ${startTicks} `, ` ${startTicks - 1} `));
    assert.equal(earlier.startTicks, startTicks - 1);
    assert.deepEqual([earlier.command, earlier.cgroup], ['', undefined]);
    assert.equal(earlier.isOpenTo({ uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }), false);
  });

  test('has the name of the program if its own name is generic', () => {
    const named = (name: string) => new ProcessOwner(process.pid, ownStat(name)).name;
    assert.match(named('MainThread'), /^node/);
    assert.equal(named('web'), 'web');
  });
});

/** This process's stat line with another name. */
function ownStat(name: string): string {
  return readFileSync('/proc/self/stat', 'utf8').replace(/\(.*\)/, `(${name})`);
}

describe('descriptors are visible', () => {
  const USER = ['--reuid=1000', '--regid=1000', '--clear-groups'];
  const BARE = ['--clear-groups', '--bounding-set=-all'];
  const AMBIENT = ['--inh-caps=+net_bind_service', '--ambient-caps=+net_bind_service'];
  const cases: Record<string, [setpriv: string[], uid: number, gid: number, expected: boolean]> = {
    'to the same user': [USER, 1000, 1000, true],
    'not to another user': [USER, 1001, 1000, false],
    'not to another group': [USER, 1000, 1001, false],
    "to root for root's process without capabilities": [BARE, 0, 0, true],
    'not to root without capabilities for a process that has some': [['--clear-groups'], 0, 0, false],
    'not for a process that has a capability': [[...USER, ...AMBIENT], 1000, 1000, false],
    'not for a process with another real uid': [['--ruid=1000', ...BARE], 0, 0, false],
    'not for a process with another real gid': [['--rgid=1000', ...BARE], 0, 0, false],
  };
  for (const [name, [setpriv, uid, gid, expected]] of Object.entries(cases)) {
    test(name, async (t) => {
      if (!needs(t, probe.root(), probe.command('setpriv'))) return;
      assert.equal(isOpenTo(await started(t, ['setpriv', ...setpriv, 'cat']), { uid, gid }), expected);
    });
  }

  test('not for a process that is not dumpable', async (t) => {
    if (!needs(t, probe.root())) return;
    for (const [dumpable, expected] of [
      [1, true],
      [0, false],
    ] as const) {
      const child = [process.execPath, '--input-type=module', '--eval', UNDUMPED, `${dumpable}`];
      assert.equal(isOpenTo(await started(t, child), { uid: 1000, gid: 1000 }), expected);
    }
  });

  test('not for a process that does not exist or has ended', (t) => {
    if (!needs(t, probe.root(), probe.command('setpriv'))) return;
    assert.equal(isOpenTo(2 ** 22 + 1, { uid: 0, gid: 0 }), undefined);
    const { pid } = spawnSync('setpriv', [...USER, 'true']);
    assert.equal(isOpenTo(pid, { uid: 1000, gid: 1000 }), undefined);
  });
});

/** Starts a process that copies its input, waits until it runs, and kills it after the test. */
async function started(t: TestContext, [program = '', ...args]: readonly string[]): Promise<number> {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  t.after(() => child.kill());
  child.stdin.write('a line');
  await once(child.stdout, 'data');
  return child.pid ?? 0;
}

/** Changes to uid 1000 and sets PR_SET_DUMPABLE (prctl(2)). */
const UNDUMPED = `
const { sys } = await import('${new URL('../../host/linux/sys/libc.ts', import.meta.url)}');
process.setgroups([]);
process.setgid(1000);
process.setuid(1000);
sys.prctl(4, +process.argv[1], 0, 0, 0);
process.stdin.pipe(process.stdout);`;
