/** Tests `portreeve install` and `uninstall` on a running host: accounts, units, and the refusal of untrusted files. */

import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { type TestContext, test } from 'node:test';
import { NO_PEERS, portreeve, ROOT } from '../support/daemon.ts';
import { needs, type Probe, probe } from '../support/probe.ts';
import { Sandbox } from '../support/sandbox.ts';

async function open(t: TestContext, ...probes: readonly Probe[]): Promise<Sandbox | undefined> {
  if (!needs(t, probe.root(), probe.netns(), probe.command('ip'), ...probes)) return undefined;
  return Sandbox.open(t);
}

const units = (sandbox: Sandbox) => readdir(sandbox.path('/etc/systemd/system')).catch(() => []);

test('install creates the accounts, a second one changes nothing, and uninstall removes the units', async (t) => {
  const sandbox = await open(t, probe.command('systemd-sysusers'));
  if (sandbox === undefined) return;
  const first = await portreeve(sandbox, ['install', '--allow-path']);
  assert.equal(first.code, 0, first.stderr);
  assert.match(first.stdout, /^ran systemd-sysusers \/etc\/sysusers\.d\/portreeve\.conf$/m);
  assert.match(first.stdout, /^systemd is not running/m);
  assert.match(await sandbox.read('/etc/passwd'), /^portreeve-portmap:x:[1-9]\d*:.*nologin$/m);
  assert.match(await sandbox.read('/etc/group'), /^portreeve:x:[1-9]\d*:$/m);
  const second = await portreeve(sandbox, ['install', '--allow-path']);
  assert.match(second.stdout, /^portreeve is installed; nothing was changed$/m);
  const removed = await portreeve(sandbox, ['uninstall']);
  assert.equal(removed.code, 0, removed.stderr);
  assert.match(removed.stdout, /^not removed: the user portreeve-portmap and the group portreeve$/m);
  assert.deepEqual(
    (await units(sandbox)).filter((name) => !name.endsWith('.wants')),
    [],
  );
});

test('a foreign file refuses the installation before anything is written', async (t) => {
  const sandbox = await open(t);
  if (sandbox === undefined) return;
  await sandbox.write('/etc/systemd/system/rpcbind.service', '[Service]\nExecStart=/sbin/rpcbind\n');
  const { code, stderr } = await portreeve(sandbox, ['install', '--allow-path']);
  assert.equal(code, 1);
  assert.match(stderr, /\/etc\/systemd\/system\/rpcbind\.service exists and portreeve did not write it/);
  assert.deepEqual(await units(sandbox), ['rpcbind.service']);
  assert.doesNotMatch(await sandbox.read('/etc/passwd'), /portreeve/);
});

const OWNED = '/run/owned/portreeve';
const ALICE = 1000;
/** The tree of the package over which a test can write without changing it. */
const OVERLAY = `set -e
mkdir -p "$2" /run/over
mount -t tmpfs over /run/over
mkdir /run/over/upper /run/over/work
mount -t overlay -o "lowerdir=$1,upperdir=/run/over/upper,workdir=/run/over/work" over "$2"`;

/** A world in which the package lies where only root can write; undefined where the test is skipped. */
async function owned(t: TestContext) {
  const sandbox = await open(t);
  if (!sandbox) return undefined;
  const { code, stderr } = await sandbox.run(['sh', '-c', OVERLAY, 'overlay', ROOT, OWNED]);
  const isOverlaid: Probe =
    code === 0 ? { ok: true } : { ok: false, reason: `needs overlayfs: ${stderr.trim()}` };
  if (!needs(t, isOverlaid)) return undefined;
  // The user who runs the tests may own the checkout, and a group may write to it.
  await sandbox.run(['sh', '-c', `cd ${OWNED} && chown -hR 0:0 . && chmod -R go-w .`]);
  const install = (...words: readonly string[]) =>
    sandbox.run([`${OWNED}/bin/portreeve`, 'install', ...words], { env: NO_PEERS });
  return { sandbox, install };
}

test('a program that only root can change is installed', async (t) => {
  const setup = await owned(t);
  if (!setup) return;
  const { sandbox, install } = setup;
  const dry = await install('--dry-run');
  assert.deepEqual([dry.code, dry.stderr], [0, '']);
  const began = performance.now();
  const { code, stderr } = await install();
  assert.deepEqual([code, stderr], [0, '']);
  t.diagnostic(`install took ${Math.round(performance.now() - began)} ms`);
  assert.match(
    await sandbox.read('/etc/systemd/system/portreeve.service'),
    new RegExp(`^ExecStart=${OWNED}/bin/portreeve serve$`, 'm'),
  );
});

test('a program that other users can change is refused, also by a dry run, unless that is allowed', async (t) => {
  const setup = await owned(t);
  if (!setup) return;
  const { sandbox, install } = setup;
  const cases: [undo: string, change: string, message: string][] = [
    ['chown -R 0:0 .', `chown -R ${ALICE} bin dist`, `${OWNED}/bin belongs to uid ${ALICE}`],
    ['chown 0 dist/main.js', `chown ${ALICE} dist/main.js`, `${OWNED}/dist/main.js belongs to uid ${ALICE}`],
    ['chmod 755 /run/owned', 'chmod 1777 /run/owned', '/run/owned is writable by everyone'],
    ['chown 0 /run/owned', `chown ${ALICE} /run/owned`, `/run/owned belongs to uid ${ALICE}`],
    [
      'chgrp 0 dist/kit; chmod 755 dist/kit',
      'chgrp 50 dist/kit; chmod 775 dist/kit',
      `${OWNED}/dist/kit is writable by group 50`,
    ],
    [
      'rm node_modules/mine',
      `mkdir -p /run/alice; chown ${ALICE} /run/alice; ln -s /run/alice node_modules/mine`,
      `/run/alice belongs to uid ${ALICE}`,
    ],
    [
      'rm dist/mine.js',
      `ln -s main.js dist/mine.js; chown -h ${ALICE} dist/mine.js`,
      `${OWNED}/dist/mine.js belongs to uid ${ALICE}`,
    ],
    [
      'chmod 755 node_modules/koffi',
      'chmod 757 node_modules/koffi',
      `${OWNED}/node_modules/koffi is writable by everyone`,
    ],
  ];
  for (const [undo, change, message] of cases) {
    await sandbox.run(['sh', '-c', `cd ${OWNED} && ${change}`]);
    for (const words of [[], ['--dry-run']]) {
      const { code, stdout, stderr } = await install(...words);
      assert.deepEqual([code, stdout], [1, ''], message);
      assert.ok(stderr.includes(`\n  ${message}\n`), `${message}\n${stderr}`);
      assert.match(stderr, /npm install --global portreeve.*--allow-path/s);
    }
    assert.deepEqual(await units(sandbox), [], 'nothing is written');
    await sandbox.run(['sh', '-c', `cd ${OWNED} && ${undo}`]);
    assert.equal((await install('--dry-run')).code, 0, `undone: ${message}`);
  }
  await sandbox.run(['chmod', '777', `${OWNED}/dist/main.js`]);
  const allowed = await install('--allow-path');
  assert.equal(allowed.code, 0);
  assert.match(
    allowed.stderr,
    /dist\/main\.js is writable by everyone\nA user who can change it can become root/,
  );
});
