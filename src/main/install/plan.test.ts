// Plans for every initial state of the host, and their removal.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Present } from '../../host/host.ts';
import { type InstallPlace, isDone, planInstall, planUninstall } from './plan.ts';
import { INSTALLED_PATHS, SYSUSERS_FILE, UNIT_DIRECTORY, UNIT_LINKS, UNITS } from './units.ts';

const PROGRAM = { path: '/usr/lib/node_modules/portreeve/bin/portreeve', nodeDirectory: '/usr/bin' };
const PASSWD = 'root:x:0:0:root:/root:/bin/sh\nportreeve-portmap:x:994:994::/:/usr/sbin/nologin\n';
const GROUP = 'root:x:0:\nportreeve:x:995:\n';
const at = (name: string): string => `${UNIT_DIRECTORY}/${name}`;

/** A simulated host: it has the files that a plan writes. */
class Tree {
  readonly paths = new Map<string, Present>();
  isLive = true;
  isBooted = true;
  hasSysusers = true;

  get place(): InstallPlace {
    return {
      inspect: (path) => this.paths.get(path) ?? { kind: 'nothing' },
      isLive: this.isLive,
      isBooted: this.isLive && this.isBooted,
      hasCommand: (name) => name !== 'systemd-sysusers' || this.hasSysusers,
    };
  }

  file(path: string, text: string): this {
    this.paths.set(path, { kind: 'file', text });
    return this;
  }

  link(path: string, target: string): this {
    this.paths.set(path, { kind: 'link', target });
    return this;
  }

  accounts(): this {
    return this.file('/etc/passwd', PASSWD).file('/etc/group', GROUP);
  }

  install(): this {
    const { files, links, commands } = planInstall(PROGRAM, this.place);
    for (const { path, text } of files) this.file(path, text);
    for (const { path, target } of links) this.link(path, target);
    if (commands.some(([program]) => program === 'systemd-sysusers')) this.accounts();
    return this;
  }
}

const RELOAD = ['systemctl', 'daemon-reload'];
const SYSUSERS = ['systemd-sysusers', SYSUSERS_FILE];

describe('on a host without portreeve', () => {
  test('every file and link is created, then the accounts, then systemd is reloaded', () => {
    const plan = planInstall(PROGRAM, new Tree().place);
    assert.deepEqual(
      plan.files.map(({ path }) => path),
      INSTALLED_PATHS,
    );
    assert.deepEqual(plan.links, UNIT_LINKS);
    assert.deepEqual(plan.commands, [SYSUSERS, RELOAD]);
    assert.deepEqual(plan.foreign, []);
    assert.match(
      plan.notes.join('\n'),
      /The units start with the next boot.* systemctl restart portreeve-guard\.service/,
    );
  });

  test('in the tree of another system no command is run', () => {
    const tree = new Tree();
    tree.isLive = false;
    const plan = planInstall(PROGRAM, tree.place);
    assert.deepEqual(plan.commands, []);
    assert.equal(plan.files.length, INSTALLED_PATHS.length);
    assert.doesNotMatch(plan.notes.join('\n'), /systemctl restart/);
  });

  test('without systemd-sysusers the commands that create the accounts are printed', () => {
    const tree = new Tree();
    tree.hasSysusers = false;
    const plan = planInstall(PROGRAM, tree.place);
    assert.deepEqual(plan.commands, [RELOAD]);
    assert.match(plan.notes.join('\n'), /groupadd --system portreeve, and useradd .* portreeve-portmap\./);
    assert.doesNotMatch(planInstall(PROGRAM, tree.accounts().place).notes.join('\n'), /useradd/);
  });

  test('systemd is not reloaded if it is not running', () => {
    const tree = new Tree();
    tree.isBooted = false;
    const plan = planInstall(PROGRAM, tree.place);
    assert.deepEqual(plan.commands, [SYSUSERS]);
    assert.match(plan.notes.join('\n'), /systemd is not running/);
  });

  test('if rpcbind is installed, the effect on it is printed', () => {
    const rpcbind = /replaces rpcbind/;
    assert.doesNotMatch(planInstall(PROGRAM, new Tree().place).notes.join('\n'), rpcbind);
    const tree = new Tree().file('/lib/systemd/system/rpcbind.service', '[Unit]\n');
    assert.match(planInstall(PROGRAM, tree.place).notes.join('\n'), rpcbind);
  });
});

describe('on a host with portreeve', () => {
  test('nothing is done', () => {
    const plan = planInstall(PROGRAM, new Tree().install().place);
    assert.ok(isDone(plan));
    assert.deepEqual(plan.notes, []);
  });

  test('an outdated unit is overwritten, and nothing else', () => {
    const tree = new Tree().install();
    const path = at('portreeve.service');
    const { text } = planInstall(PROGRAM, new Tree().place).files.find((file) => file.path === path) ?? {
      text: '',
    };
    tree.file(path, `${text}# more\n`);
    const plan = planInstall(PROGRAM, tree.place);
    assert.deepEqual(plan.files, [{ path, text }]);
    assert.deepEqual([plan.links, plan.commands, plan.foreign], [[], [RELOAD], []]);
  });

  test('the program at another path', () => {
    const plan = planInstall(
      { ...PROGRAM, path: '/opt/portreeve/bin/portreeve' },
      new Tree().install().place,
    );
    assert.deepEqual(
      plan.files.map(({ path }) => path),
      [at('portreeve-guard.service'), at('portreeve.service')],
    );
  });

  test('a disabled unit stays disabled', () => {
    const tree = new Tree().install();
    tree.paths.delete(at('sysinit.target.wants/portreeve-guard.service'));
    const plan = planInstall(PROGRAM, tree.place);
    assert.ok(isDone(plan));
    assert.deepEqual(plan.notes, [
      'portreeve-guard.service is disabled. To enable it: systemctl enable portreeve-guard.service',
    ]);
    tree.paths.delete(at('portreeve-guard.service'));
    assert.deepEqual(
      planInstall(PROGRAM, tree.place).links.map(({ path }) => path),
      [at('sysinit.target.wants/portreeve-guard.service')],
    );
  });

  test('a link that systemctl created counts as enabled', () => {
    const tree = new Tree().install();
    tree.link(at('multi-user.target.wants/portreeve.service'), '../portreeve.service');
    assert.ok(isDone(planInstall(PROGRAM, tree.place)));
  });

  test('missing accounts are created', () => {
    const tree = new Tree().install();
    for (const [path, text] of [
      ['/etc/passwd', 'portreeve:x:1:1::/:/bin/sh\n'],
      ['/etc/group', 'portreeve-portmap:x:1:\n'],
    ] as const) {
      assert.deepEqual(planInstall(PROGRAM, tree.accounts().file(path, text).place).commands, [SYSUSERS]);
    }
  });
});

describe('foreign files are listed', () => {
  const cases: Record<string, (tree: Tree) => [path: string, tree: Tree]> = {
    'a unit': (tree) => [at('portreeve.service'), tree.file(at('portreeve.service'), '[Unit]\n')],
    'a unit that is masked': (tree) => [
      at('portreeve.service'),
      tree.link(at('portreeve.service'), '/dev/null'),
    ],
    'rpcbind, masked': (tree) => [at('rpcbind.service'), tree.link(at('rpcbind.service'), '/dev/null')],
    'an rpcbind of the administrator': (tree) => [
      at('rpcbind.socket'),
      tree.file(at('rpcbind.socket'), '[Unit]\n'),
    ],
    accounts: (tree) => [SYSUSERS_FILE, tree.file(SYSUSERS_FILE, 'u portreeve -\n')],
  };
  for (const [name, make] of Object.entries(cases)) {
    test(name, () => {
      const [path, tree] = make(new Tree());
      const plan = planInstall(PROGRAM, tree.place);
      assert.deepEqual(plan.foreign, [path]);
      // Replacing it is a request of its own.
      assert.deepEqual([plan.files.length, plan.links.length], [INSTALLED_PATHS.length, UNIT_LINKS.length]);
    });
  }
});

describe('uninstalling', () => {
  test('stops the units, removes everything that was created, and reloads systemd', () => {
    const plan = planUninstall(new Tree().install().place, false);
    assert.deepEqual(plan.before, [['systemctl', 'stop', ...UNITS.toReversed()]]);
    assert.deepEqual(
      plan.paths.toSorted(),
      [...UNIT_LINKS.map(({ path }) => path), ...INSTALLED_PATHS].toSorted(),
    );
    assert.deepEqual(plan.after, [RELOAD]);
    assert.match(plan.notes.join('\n'), /not removed: the user portreeve-portmap and the group portreeve/);
    assert.match(plan.notes.join('\n'), /rpcbind.service and rpcbind.socket are its units again/);
  });

  test('removes nothing if nothing is installed', () => {
    const plan = planUninstall(new Tree().place, true);
    assert.deepEqual(plan, { before: [], paths: [], trees: [], after: [], notes: [] });
  });

  test('keeps foreign files', () => {
    const tree = new Tree().install();
    tree.file(at('portreeve.socket'), '[Socket]\n').link(at('rpcbind.service'), '/dev/null');
    const plan = planUninstall(tree.place, false);
    assert.deepEqual(plan.before, [['systemctl', 'stop', 'portreeve.service', 'portreeve-guard.service']]);
    for (const path of [at('portreeve.socket'), at('rpcbind.service')])
      assert.ok(!plan.paths.includes(path), path);
    assert.match(
      plan.notes.join('\n'),
      /not removed: \/etc\/systemd\/system\/portreeve\.socket, which portreeve did not write/,
    );
  });

  test('keeps the state unless it is purged, and always the settings', () => {
    const tree = new Tree().install();
    for (const path of ['/var/lib/portreeve', '/etc/portreeve']) tree.paths.set(path, { kind: 'directory' });
    const kept = planUninstall(tree.place, false);
    assert.deepEqual(kept.trees, []);
    assert.match(kept.notes.join('\n'), /not removed: \/var\/lib\/portreeve, .* --purge/);
    const purged = planUninstall(tree.place, true);
    assert.deepEqual(purged.trees, ['/var/lib/portreeve']);
    assert.doesNotMatch(purged.notes.join('\n'), /\/var\/lib\/portreeve/);
    assert.match(purged.notes.join('\n'), /not removed: \/etc\/portreeve/);
    // A link there was not created by an installation.
    tree.link('/var/lib/portreeve', '/home');
    assert.deepEqual(planUninstall(tree.place, true).trees, []);
  });

  test('removes the runtime directory only with the units that preserve it', () => {
    const tree = new Tree();
    tree.paths.set('/run/portreeve', { kind: 'directory' });
    assert.deepEqual(planUninstall(tree.place, true).trees, [], 'that of a daemon that was started by hand');
    tree.install();
    assert.deepEqual(planUninstall(tree.place, false).trees, ['/run/portreeve']);
    tree.isBooted = false;
    assert.deepEqual(planUninstall(tree.place, false).trees, []);
  });

  test('runs nothing in the tree of another system, or without systemd', () => {
    for (const setting of ['isLive', 'isBooted'] as const) {
      const tree = new Tree().install();
      tree[setting] = false;
      const { before, after, paths } = planUninstall(tree.place, false);
      assert.deepEqual([before, after], [[], []]);
      assert.equal(paths.length, UNIT_LINKS.length + INSTALLED_PATHS.length);
    }
  });
});
