// What /proc says of processes: names of every kind, starts, and who is nobody.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
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

test('descriptors are open to the same user without capabilities, and to nobody else', () => {
  if (process.getuid?.() !== 0) return;
  // Root has capabilities, which another process of root need not have.
  assert.equal(isOpenTo(process.pid, { uid: 0, gid: 0 }), false);
  assert.equal(isOpenTo(2 ** 22 + 1, { uid: 0, gid: 0 }), undefined);
  const drop = ['--reuid', '65534', '--regid', '65534', '--clear-groups'];
  const { pid } = spawnSync('setpriv', [...drop, 'true']);
  assert.equal(isOpenTo(pid, { uid: 65_534, gid: 65_534 }), undefined, 'it has ended');
});
