// The units: the program in them, their order, and that systemd accepts them without warnings.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { needs, probe } from '../../../test/support/probe.ts';
import { PortreeveError } from '../../base/errors.ts';
import { PORTMAP_ACCOUNT } from '../../portmap/daemon/account.ts';
import { INSTALLED_PATHS, isOurs, nodeSearchPath, PORTMAP_USER, UNIT_LINKS, unitFiles } from './units.ts';

const PATH = '/usr/lib/node_modules/portreeve/bin/portreeve';

/** The text of a file by its name. */
function textOf(
  name: string,
  program = { path: PATH, nodeDirectory: undefined as string | undefined },
): string {
  return unitFiles(program).find(({ path }) => basename(path) === name)?.text ?? assert.fail(name);
}

/** The values of a setting in a unit. */
function settingsIn(unit: string, key: string): string[] {
  return [...textOf(unit).matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].flatMap(([, value = '']) =>
    value.split(' '),
  );
}

test('every file is recognized as written by portreeve', () => {
  for (const { text, path } of unitFiles({ path: PATH, nodeDirectory: undefined }))
    assert.ok(isOurs(text), path);
  assert.ok(!isOurs('[Unit]\n# Made by "portreeve install"\n') && !isOurs(''));
});

test('the guard starts before units that bind ports, and after units that it needs', () => {
  const before = settingsIn('portreeve-guard.service', 'Before');
  for (const unit of ['sysinit.target', 'network-pre.target', 'rpcbind.socket'])
    assert.ok(before.includes(unit), unit);
  const after = settingsIn('portreeve-guard.service', 'After');
  // It replaces the list of reserved ports (sysctl.d(5)).
  assert.ok(after.includes('systemd-sysctl.service'));
  assert.deepEqual(settingsIn('portreeve-guard.service', 'DefaultDependencies'), ['no']);
  assert.deepEqual(
    before.filter((unit) => after.includes(unit)),
    [],
  );
});

test('the daemon is ready before services start, so that their units are known when they bind', () => {
  const before = settingsIn('portreeve.service', 'Before');
  for (const unit of ['basic.target', 'rpcbind.target', 'shutdown.target'])
    assert.ok(before.includes(unit), unit);
  const after = settingsIn('portreeve.service', 'After');
  for (const unit of ['sysinit.target', 'portreeve-guard.service']) assert.ok(after.includes(unit), unit);
  assert.deepEqual(settingsIn('portreeve.service', 'DefaultDependencies'), ['no']);
  assert.deepEqual(settingsIn('portreeve.service', 'Conflicts'), ['shutdown.target']);
  assert.deepEqual(
    before.filter((unit) => after.includes(unit)),
    [],
  );
});

test('the guard has no private mounts', () => {
  const hides =
    /^(Protect|Private|ReadOnly|ReadWrite|Inaccessible|Bind|TemporaryFileSystem|RootDirectory)\w*=/m;
  assert.doesNotMatch(textOf('portreeve-guard.service'), hides);
  assert.match(textOf('portreeve.service'), hides);
});

test('the daemon notifies systemd itself, and may enter network namespaces and no others', () => {
  assert.deepEqual(settingsIn('portreeve.service', 'Type'), ['notify']);
  assert.deepEqual(settingsIn('portreeve.service', 'ExecStartPost'), []);
  assert.deepEqual(settingsIn('portreeve.service', 'RestrictNamespaces'), ['net']);
  assert.doesNotMatch(textOf('portreeve-guard.service'), /^RestrictNamespaces=/m);
});

test('the account is the one that the daemon uses', () => {
  assert.equal(PORTMAP_USER, PORTMAP_ACCOUNT);
  assert.match(textOf('portreeve.conf'), new RegExp(`^u ${PORTMAP_ACCOUNT} - "`, 'm'));
  assert.match(textOf('portreeve.conf'), /^g portreeve -$/m);
});

test('the links are those that [Install] describes', () => {
  for (const unit of ['portreeve-guard.service', 'portreeve.socket', 'portreeve.service']) {
    const wanted = [
      ...settingsIn(unit, 'WantedBy').map((target) => `/etc/systemd/system/${target}.wants/${unit}`),
      ...settingsIn(unit, 'Alias').map((name) => `/etc/systemd/system/${name}`),
    ];
    const links = UNIT_LINKS.filter(({ target }) => basename(target) === unit).map(({ path }) => path);
    assert.deepEqual(links, wanted);
    assert.ok(INSTALLED_PATHS.includes(`/etc/systemd/system/${unit}`));
  }
});

describe('the program', () => {
  test('is named by its absolute path, quoted if necessary', () => {
    assert.match(
      textOf('portreeve-guard.service'),
      /^ExecStart=\/usr\/lib\/.*\/bin\/portreeve guard enforce$/m,
    );
    const program = { path: '/opt/my tools/bin/portreeve', nodeDirectory: undefined };
    assert.match(
      textOf('portreeve.service', program),
      /^ExecStart="\/opt\/my tools\/bin\/portreeve" serve$/m,
    );
  });

  for (const bad of ['%', '$', '"', "'", '\\', '\n', '\t', 'é', ';']) {
    test(`at a path with ${JSON.stringify(bad)} is refused`, () => {
      assert.throws(
        () => unitFiles({ path: `/opt/a${bad}b/portreeve`, nodeDirectory: undefined }),
        (thrown) => thrown instanceof PortreeveError && thrown.code === 'INSTALL_PATH',
      );
    });
  }

  test('finds a Node outside the PATH of services', () => {
    const environment = (nodeDirectory: string | undefined) =>
      /^Environment=.*$/m.exec(textOf('portreeve.service', { path: PATH, nodeDirectory }))?.[0];
    for (const usual of [undefined, '/usr/bin', '/usr/local/bin'])
      assert.equal(environment(usual), undefined);
    assert.match(
      environment('/opt/node 24/bin') ?? '',
      /^Environment="PATH=\/opt\/node 24\/bin:\/usr\/local\/sbin:.*"$/,
    );
  });
});

describe('systemd-analyze verify', () => {
  /** The units in a temporary directory, with a program that exists. */
  function written(t: TestContext, change: (text: string) => string): { units: string[]; directory: string } {
    const directory = mkdtempSync(join(tmpdir(), 'my units-'));
    t.after(() => rmSync(directory, { recursive: true }));
    const path = join(directory, 'bin/portreeve');
    mkdirSync(dirname(path));
    writeFileSync(path, '#!/bin/sh\n');
    chmodSync(path, 0o755);
    const files = unitFiles({ path, nodeDirectory: '/opt/node/bin' }).filter(
      (file) => !file.path.endsWith('.conf'),
    );
    const units = files.map((file) => join(directory, basename(file.path)));
    for (const [at, { text }] of files.entries()) writeFileSync(units[at] ?? '', change(text));
    return { units, directory };
  }

  function verify({ units, directory }: { units: string[]; directory: string }) {
    const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', ...units], {
      encoding: 'utf8',
      // The colon at the end adds the default directories of systemd.
      env: { ...process.env, SYSTEMD_UNIT_PATH: `${directory}:` },
    });
    return { status, stderr };
  }

  test('prints no warning', (t) => {
    if (!needs(t, probe.command('systemd-analyze'))) return;
    assert.deepEqual(verify(written(t, (text) => text)), { status: 0, stderr: '' });
  });

  const mistakes: Record<string, [from: string, to: string, message: RegExp]> = {
    'a setting that it does not know': [
      'NoNewPrivileges=',
      'NoOldPrivileges=',
      /Unknown key .*'NoOldPrivileges'/,
    ],
    'a value that cannot be': ['Restart=on-failure', 'Restart=sometimes', /restart.*sometimes/i],
    'a program that is not there': ['bin/portreeve" serve', 'bin/nothing" serve', /is not executable/],
    'a circle': ['Wants=portreeve.service', 'After=portreeve.service', /ordering cycle/],
  };
  for (const [name, [from, to, message]] of Object.entries(mistakes)) {
    test(`warns about ${name}`, (t) => {
      if (!needs(t, probe.command('systemd-analyze'))) return;
      assert.match(verify(written(t, (text) => text.replace(from, to))).stderr, message);
    });
  }
});

test('the search path is the PATH of services up to Node, or the directory of Node', () => {
  const path = '/opt/portreeve/bin/portreeve';
  const searched = (nodeDirectory: string | undefined) => nodeSearchPath({ path, nodeDirectory });
  assert.deepEqual(searched(undefined), []);
  assert.deepEqual(searched('/opt/node/bin'), ['/opt/node/bin']);
  assert.deepEqual(searched('/usr/local/bin'), ['/usr/local/sbin', '/usr/local/bin']);
  assert.equal(searched('/usr/bin').at(-1), '/usr/bin');
});
