// What /proc says of processes: names of every kind, starts, and who is nobody.
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
  test('is read', () => {
    assert.deepEqual(parseStat(`812 (nginx) ${REST}`), {
      ...{ name: 'nginx', parent: 1, startTicks: 2_402_686, isBare: false },
    });
  });

  for (const name of ['a b', 'a) S 7 (b', ')', '', '(']) {
    test(`has the name "${name}" where it ends, and the fields behind it`, () => {
      const stat = parseStat(`812 (${name}) ${REST}`);
      assert.deepEqual([stat?.name, stat?.parent, stat?.startTicks], [name, 1, 2_402_686]);
    });
  }

  test('tells who has nothing open: threads of the kernel, and who has ended', () => {
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
    test(`that is none says nothing: "${text.slice(0, 20)}"`, () => assert.equal(parseStat(text), undefined));
  }
});

describe('a process', () => {
  const own = () => new ProcessOwner(process.pid, readFileSync('/proc/self/stat', 'utf8'));

  test('tells more when it is asked', () => {
    const { pid, parent, uid, command, cgroup, startTicks } = own();
    assert.deepEqual([pid, parent, uid], [process.pid, process.ppid, process.geteuid?.()]);
    assert.match(command, /node/);
    assert.ok(startTicks > 0);
    assert.equal(cgroup === undefined || cgroup.startsWith('/'), true);
  });

  test('that has ended, and whose number another one has, tells nothing of that one', () => {
    const stat = readFileSync('/proc/self/stat', 'utf8');
    const { startTicks } = own();
    const earlier = new ProcessOwner(process.pid, stat.replace(` ${startTicks} `, ` ${startTicks - 1} `));
    assert.equal(earlier.startTicks, startTicks - 1);
    assert.deepEqual([earlier.command, earlier.cgroup], ['', undefined]);
    assert.equal(earlier.isOpenTo({ uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }), false);
  });

  test('is called as the program was where its name says nothing', () => {
    const named = (name: string) => new ProcessOwner(process.pid, ownStat(name)).name;
    assert.match(named('MainThread'), /^node/);
    assert.equal(named('web'), 'web');
  });
});

/** Our own line of stat, with another name. */
function ownStat(name: string): string {
  return readFileSync('/proc/self/stat', 'utf8').replace(/\(.*\)/, `(${name})`);
}

describe('descriptors are open', () => {
  const USER = ['--reuid=1000', '--regid=1000', '--clear-groups'];
  const BARE = ['--clear-groups', '--bounding-set=-all'];
  const AMBIENT = ['--inh-caps=+net_bind_service', '--ambient-caps=+net_bind_service'];
  const cases: Record<string, [setpriv: string[], uid: number, gid: number, expected: boolean]> = {
    'to the same user': [USER, 1000, 1000, true],
    'not to another user': [USER, 1001, 1000, false],
    'not to another group': [USER, 1000, 1001, false],
    'to root of a process of root without capabilities': [BARE, 0, 0, true],
    'not to root without capabilities of one that has some': [['--clear-groups'], 0, 0, false],
    'not of one that has a capability': [[...USER, ...AMBIENT], 1000, 1000, false],
    'not of one that was started by another user': [['--ruid=1000', ...BARE], 0, 0, false],
    'not of one that was started by another group': [['--rgid=1000', ...BARE], 0, 0, false],
  };
  for (const [name, [setpriv, uid, gid, expected]] of Object.entries(cases)) {
    test(name, async (t) => {
      if (!needs(t, probe.root(), probe.command('setpriv'))) return;
      assert.equal(isOpenTo(await started(t, ['setpriv', ...setpriv, 'cat']), { uid, gid }), expected);
    });
  }

  test('not of one that may not be dumped', async (t) => {
    if (!needs(t, probe.root())) return;
    for (const [dumpable, expected] of [
      [1, true],
      [0, false],
    ] as const) {
      const child = [process.execPath, '--input-type=module', '--eval', UNDUMPED, `${dumpable}`];
      assert.equal(isOpenTo(await started(t, child), { uid: 1000, gid: 1000 }), expected);
    }
  });

  test('of nobody who is not there, or has ended', (t) => {
    if (!needs(t, probe.root(), probe.command('setpriv'))) return;
    assert.equal(isOpenTo(2 ** 22 + 1, { uid: 0, gid: 0 }), undefined);
    const { pid } = spawnSync('setpriv', [...USER, 'true']);
    assert.equal(isOpenTo(pid, { uid: 1000, gid: 1000 }), undefined);
  });
});

/** A process that copies its input; it has begun, and ends with the test. */
async function started(t: TestContext, [program = '', ...args]: readonly string[]): Promise<number> {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  t.after(() => child.kill());
  child.stdin.write('a line');
  await once(child.stdout, 'data');
  return child.pid ?? 0;
}

/** Becomes uid 1000, and says whether it may be dumped (prctl(2): PR_SET_DUMPABLE). */
const UNDUMPED = `
const { sys } = await import('${new URL('../../host/linux/sys/libc.ts', import.meta.url)}');
process.setgroups([]);
process.setgid(1000);
process.setuid(1000);
sys.prctl(4, +process.argv[1], 0, 0, 0);
process.stdin.pipe(process.stdout);`;
