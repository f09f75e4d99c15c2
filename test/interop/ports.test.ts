// `portreeve ports` and `who` compared with ss and lsof, on sockets of python, nc, socat, and node in every state.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { NamedRecord } from '../../src/sockets/app/ports-answer.ts';
import { portreeve, ROOT, serve } from '../support/daemon.ts';
import { bringPeers } from '../support/peers.ts';
import { needs, probe } from '../support/probe.ts';
import { kernelIpv6, type RunOptions, Sandbox, until } from '../support/sandbox.ts';
import { type Line, line, linesOfLsof, linesOfSs } from '../support/seen-by-others.ts';

const ALICE = 1000;
const HELD = join(ROOT, 'test/support/held-sockets.py');
/** Not a port of the port mapper, so that the daemons of root and of a user show the same. */
const NODE_SERVER = "require('node:net').createServer().listen(3101, () => console.log('ready'))";
const PASSWD = {
  '/etc/passwd': 'root:x:0:0:root:/:/bin/sh\nalice:x:1000:1000::/:/bin/sh\n',
  '/etc/services': 'held-web 3002/tcp\nheld-name 3008/udp\n',
};

/** A sandbox with the sockets of four programs. */
async function open(t: TestContext): Promise<Sandbox | undefined> {
  const peers = await bringPeers();
  const commands = ['python3', 'lsof'].map(probe.command);
  if (!needs(t, probe.root(), probe.netns(), kernelIpv6(), peers.probe(), ...commands)) return undefined;
  const sandbox = await Sandbox.open(t, { peers, files: PASSWD });
  const start = (argv: string[], options: RunOptions = {}) =>
    sandbox.start(['sh', '-c', 'sleep 1000 | exec "$0" "$@"', ...argv], options);
  const held = start(['python3', HELD]);
  const node = start([process.execPath, '--input-type=commonjs', '-e', NODE_SERVER]);
  start(['nc.openbsd', '-l', '127.0.0.1', '3102'], { uid: ALICE });
  start(['nc.openbsd', '-u', '-l', '::1', '3103']);
  start(['socat', 'TCP6-LISTEN:3104,fork', 'OPEN:/dev/null']);
  start(['socat', 'UDP4-LISTEN:3105,fork', 'OPEN:/dev/null'], { uid: ALICE });
  await Promise.all([held, node].map((running) => running.waitForOutput(/ready/)));
  await until('all to listen', async () => {
    const { stdout } = await sandbox.run(['ss', '-Htuln']);
    return ['3102', '3103', '3104', '3105'].every((port) => stdout.includes(`:${port} `));
  });
  return sandbox;
}

async function records(
  sandbox: Sandbox,
  args: readonly string[],
  options: RunOptions = {},
): Promise<NamedRecord[]> {
  const { stdout, stderr } = await portreeve(sandbox, ['ports', ...args, '--json'], options);
  assert.equal(stderr, '');
  return JSON.parse(stdout).ports;
}

function linesOf(ports: readonly NamedRecord[]): Line[] {
  const lines = ports.flatMap(({ protocol, address, port, owners }) =>
    (owners.length > 0 ? owners.map(({ pid }) => pid) : ['-']).map((pid) =>
      line(protocol, address, port, pid),
    ),
  );
  return lines.sort();
}

const unique = (lines: readonly Line[]): Line[] => [...new Set(lines)].sort();

test('lists the same sockets as ss and lsof, and sockets that are only bound', async (t) => {
  const sandbox = await open(t);
  if (!sandbox) return;
  const all = await records(sandbox, ['--all']);
  const { stdout: ss } = await sandbox.run(['ss', '-Htuanp']);
  const { stdout: lsof } = await sandbox.run(['lsof', '-i', '-P', '-n', '-F', 'ptPn']);
  const bound = all.filter(({ state }) => state === 'BOUND');
  assert.deepEqual(
    linesOf(all.filter((one) => !bound.includes(one))),
    linesOfSs(ss).sort(),
    'compared with ss',
  );
  const withOwner = all.filter((one) => !bound.includes(one) && one.owners.length > 0);
  assert.deepEqual(unique(linesOf(withOwner)), unique(linesOfLsof(lsof)), 'compared with lsof');
  assert.deepEqual(
    bound.map(({ address, port, owners }) => [address, port, owners.length]),
    [
      ['127.0.0.1', 3006, 2],
      ['::', 3007, 2],
    ],
    'sockets that are only bound are in neither list',
  );
  const states = new Set(all.map(({ state }) => state));
  const wanted = ['LISTEN', 'ESTABLISHED', 'FIN_WAIT2', 'CLOSE_WAIT', 'TIME_WAIT', 'UNCONNECTED', 'BOUND'];
  assert.deepEqual(
    wanted.filter((state) => !states.has(state as NamedRecord['state'])),
    [],
  );
});

test('reports the details of each socket', async (t) => {
  const sandbox = await open(t);
  if (!sandbox) return;
  const all = await records(sandbox, ['--all', '3001-3016']);
  const at = (port: number) => all.filter((one) => one.port === port && one.owners.length > 0);
  const v6Only = [3004, 3005].map((port) => at(port).find(({ state }) => state === 'LISTEN')?.v6Only);
  assert.deepEqual(v6Only, [false, true]);
  const [timeWait] = all.filter(({ port }) => port === 3015);
  assert.equal(timeWait?.state, 'TIME_WAIT');
  assert.ok((timeWait?.expiresMs ?? 0) > 50_000 && (timeWait?.expiresMs ?? 0) <= 60_000);
  assert.deepEqual([timeWait?.uid, timeWait?.user, timeWait?.owners], [null, null, []]);
  const [{ owners: [owner, child] = [], name, user } = {} as Partial<NamedRecord>] = at(3002);
  assert.deepEqual([name, user, owner?.name, owner?.uid], ['held-web', 'root', 'python3', 0]);
  assert.equal(owner?.command, `python3 ${HELD}`);
  assert.ok((owner?.startTicks ?? 0) <= (child?.startTicks ?? 0) && (owner?.pid ?? 0) < (child?.pid ?? 0));
  const [node] = await records(sandbox, ['3101']);
  assert.equal(node?.owners[0]?.name, 'node', 'not MainThread');
});

test('by default lists reachable sockets and sockets that are only bound', async (t) => {
  const sandbox = await open(t);
  if (!sandbox) return;
  const ports = async (...args: string[]) => {
    const found = await records(sandbox, [...args, '3001-3016']);
    return [...new Set(found.map(({ port }) => port))];
  };
  const reachable = [3001, 3002, 3003, 3004, 3005, 3008, 3009, 3010];
  assert.deepEqual(await ports('--listening'), reachable);
  assert.deepEqual(await ports(), [3001, 3002, 3003, 3004, 3005, 3006, 3007, 3008, 3009, 3010]);
  assert.equal((await ports('--all')).length, 16);
  const owned = await records(sandbox, ['--owner', 'alice']);
  assert.deepEqual(
    owned.map(({ port }) => port),
    [3102, 3105],
  );
  assert.deepEqual(
    await records(sandbox, ['--owner', 'socat']).then((all) => all.map(({ port }) => port)),
    [3104, 3105],
  );
  const { code, stdout } = await portreeve(sandbox, ['ports', '3999']);
  assert.deepEqual([code, stdout], [1, 'no matching sockets\n']);
});

test('who prints one line', async (t) => {
  const sandbox = await open(t);
  if (!sandbox) return;
  const who = async (port: string, options: RunOptions = {}) => {
    const { code, stdout, stderr } = await portreeve(sandbox, ['who', port], options);
    assert.equal(stderr, '');
    return `${code} ${stdout.replaceAll(/pid \d+|pids \d+, \d+/g, 'pid N')}`;
  };
  assert.equal(await who('3002'), '0 3002/tcp is in use by python3 (pid N), listening on 0.0.0.0\n');
  assert.equal(
    await who('3006/tcp'),
    '0 3006/tcp is in use by python3 (pid N), bound but not listening, on 127.0.0.1\n',
  );
  assert.equal(await who('3008'), '0 3008/udp is in use by python3 (pid N), receiving on 0.0.0.0\n');
  assert.equal(
    await who('3012'),
    '0 3012/tcp is in use by python3 (pid N), connected (ESTABLISHED), 127.0.0.1:3012 to 127.0.0.1:3001\n',
  );
  assert.match(await who('3015'), /^0 3015\/tcp is in use by no process, TIME_WAIT for \d\d s more, 127/);
  assert.equal(await who('3008/tcp'), '1 3008/tcp is not in use\n');
  assert.equal(
    await who('3102', { uid: ALICE }),
    '0 3102/tcp is in use by nc.openbsd (pid N), listening on 127.0.0.1\n',
  );
  assert.equal(
    await who('3002', { uid: ALICE }),
    '3 3002/tcp is in use, owner unknown (user root; permission denied), listening on 0.0.0.0\n',
  );
});

test('shows a user the owning user of every socket and their own processes only, also with hidepid', async (t) => {
  const sandbox = await open(t);
  if (!sandbox) return;
  const options = { uid: ALICE };
  for (const hidepid of [0, 1, 2]) {
    const { code, stderr: mountError } = await sandbox.run([
      'mount',
      '-o',
      `remount,hidepid=${hidepid}`,
      '/proc',
    ]);
    assert.equal(code, 0, mountError);
    const { stdout, stderr } = await portreeve(sandbox, ['ports', '3002', '3102'], options);
    const [, root = '', alice = ''] = stdout.split('\n');
    assert.match(root, /tcp +0\.0\.0\.0 +3002 +LISTEN +unknown \(user root\) +held-web$/);
    assert.match(alice, /tcp +127\.0\.0\.1 +3102 +LISTEN +nc\.openbsd \(pid \d+\)$/);
    const hint =
      /^portreeve: owner unknown for 1 socket( \(\d+ processes could not be read\))?; run as root to see all owners\n$/;
    const [, processes] = hint.exec(stderr) ?? assert.fail(stderr);
    // With hidepid=2 the processes are invisible and cannot be counted.
    assert.equal(processes === undefined, hidepid === 2);
  }
});

test('the daemon reports the same, and shows a user no more than /proc does', async (t) => {
  const sandbox = await open(t);
  if (!sandbox) return;
  const commands = [
    ['--all', '3001-3105'],
    ['--listening', '3001-3105', '--owner', 'python3'],
  ];
  const readAll = async (options: RunOptions) => {
    const texts: string[] = [];
    for (const args of commands) {
      const { stdout, stderr } = await portreeve(sandbox, ['ports', ...args], options);
      texts.push(stdout.replaceAll(/TIME_WAIT \d+ s/g, 'TIME_WAIT'), stderr);
      texts.push(
        JSON.stringify((await records(sandbox, args, options)).map((one) => ({ ...one, expiresMs: null }))),
      );
    }
    const { code, stdout } = await portreeve(sandbox, ['who', '3102'], options);
    return [...texts, `${code} ${stdout}`];
  };
  const before = [await readAll({}), await readAll({ uid: ALICE })];
  const daemon = await serve(sandbox);
  const path = '/v1/ports?ports=3002,3102';
  const ask = (uid: number) =>
    sandbox.run(['curl', '-s', '--unix-socket', '/run/portreeve/status.sock', `http://x${path}`], { uid });
  const after = [await readAll({}), await readAll({ uid: ALICE })];
  // The daemon's own processes are hidden from the user too.
  const counted = (texts: string[]) =>
    texts.map((text) => text.replace(/\d+ processes could/, 'N processes could'));
  assert.deepEqual(after.map(counted), before.map(counted));
  if (probe.command('curl').ok) {
    const owners = async (uid: number) =>
      (JSON.parse((await ask(uid)).stdout).ports as NamedRecord[]).map((one) => one.owners.length);
    assert.deepEqual(
      [await owners(0), await owners(ALICE)],
      [
        [2, 1],
        [0, 1],
      ],
    );
  }
  await daemon.stop();
});

test('ignores a daemon of another network namespace', async (t) => {
  const sandbox = await open(t);
  if (!sandbox) return;
  await serve(sandbox);
  const { stdout, code } = await sandbox.run(
    ['unshare', '--net', join(ROOT, 'bin/portreeve'), 'ports', '3002'],
    { env: { LD_LIBRARY_PATH: '' } },
  );
  assert.deepEqual([code, stdout], [1, 'no matching sockets\n']);
});

test('--watch prints sockets that are opened and closed', async (t) => {
  const sandbox = await open(t);
  if (!sandbox) return;
  const watch = sandbox.start([join(ROOT, 'bin/portreeve'), 'ports', '--watch', '3200-3299'], {
    env: { LD_LIBRARY_PATH: '' },
  });
  // It prints nothing until a change, and a socket opened before its first read is not a change.
  let nc = sandbox.start(['nc.openbsd', '-l', '127.0.0.1', '3201']);
  await until('the first read', async () => {
    if (/ \+ {2}3201/.test(watch.stdout)) return true;
    await nc.stop('SIGKILL');
    nc = sandbox.start(['nc.openbsd', '-l', '127.0.0.1', '3201']);
    return watch.waitForOutput(/ \+ {2}3201/, 500).then(
      () => true,
      () => false,
    );
  });
  await nc.stop('SIGKILL');
  await watch.waitForOutput(/ - {2}3201\/tcp {2}127\.0\.0\.1 {2}LISTEN {2}nc\.openbsd \(pid \d+\)/);
  await watch.stop('SIGINT');
});
