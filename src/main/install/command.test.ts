// `portreeve install` and `portreeve uninstall` in the tree of another system: files, output, and removal.
import assert from 'node:assert/strict';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { capturedIo } from '../../../test/support/captured-io.ts';
import { run } from '../program.ts';

const UNITS = '/etc/systemd/system';
const PROGRAM = realpathSync(join(import.meta.dirname, '../../../bin/portreeve'));

function rootOf(t: Pick<TestContext, 'after'>): string {
  const root = mkdtempSync(join(tmpdir(), 'root-'));
  t.after(() => rmSync(root, { recursive: true }));
  return root;
}

/** Users other than root may be able to change these sources. */
async function portreeve(args: readonly string[], uid = 0) {
  const io = capturedIo({ uid });
  const code = await run(args[0] === 'install' ? [...args, '--allow-path'] : args, io);
  return { code, stdout: io.stdout(), stderr: io.stderr() };
}

/** Every file and link below a directory, by its path. */
function treeOf(root: string): string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length))
    .sort();
}

const INSTALLED = [
  `${UNITS}/multi-user.target.wants/portreeve.service`,
  `${UNITS}/portreeve-guard.service`,
  `${UNITS}/portreeve.service`,
  `${UNITS}/portreeve.socket`,
  `${UNITS}/rpcbind.service`,
  `${UNITS}/rpcbind.socket`,
  `${UNITS}/sockets.target.wants/portreeve.socket`,
  `${UNITS}/sysinit.target.wants/portreeve-guard.service`,
  '/etc/sysusers.d/portreeve.conf',
].sort();

test('install writes units with the path of the program, and prints what it wrote', async (t) => {
  const root = rootOf(t);
  const { code, stdout } = await portreeve(['install', '--root', root]);
  assert.equal(code, 0);
  assert.deepEqual(treeOf(root), INSTALLED);
  for (const path of INSTALLED)
    assert.match(stdout, new RegExp(`^(wrote|linked) ${root}${path}( to |$)`, 'm'));
  assert.doesNotMatch(stdout, /^ran /m);
  const unit = readFileSync(join(root, UNITS, 'portreeve.service'), 'utf8');
  assert.ok(unit.includes(`\nExecStart=${PROGRAM} serve\n`));
  assert.equal(statSync(join(root, UNITS, 'portreeve.service')).mode & 0o777, 0o644);
  assert.equal(statSync(join(root, '/etc/sysusers.d')).mode & 0o777, 0o755);
  assert.equal(readlinkSync(join(root, UNITS, 'rpcbind.service')), `${UNITS}/portreeve.service`);
});

test('a second install changes nothing and prints so', async (t) => {
  const root = rootOf(t);
  await portreeve(['install', '--root', root]);
  const made = () =>
    INSTALLED.map((path) => {
      const { ino, mtimeMs } = lstatSync(join(root, path));
      return [path, ino, mtimeMs];
    });
  const before = made();
  const { code, stdout } = await portreeve(['install', '--root', root]);
  assert.deepEqual([code, stdout], [0, 'portreeve is installed; nothing was changed\n']);
  assert.deepEqual(made(), before);
});

test('--dry-run prints every file in full, and does nothing', async (t) => {
  const root = rootOf(t);
  const dry = await portreeve(['install', '--dry-run', '--root', root]);
  assert.equal(dry.code, 0);
  assert.deepEqual(treeOf(root), []);
  assert.match(dry.stdout, /^nothing was changed$/m);
  await portreeve(['install', '--root', root]);
  for (const path of INSTALLED) {
    const target =
      path.includes('.wants/') || path.includes('rpcbind') ? readlinkSync(join(root, path)) : undefined;
    if (target !== undefined) assert.ok(dry.stdout.includes(`would link ${root}${path} to ${target}\n`));
    else {
      const text = readFileSync(join(root, path), 'utf8').replace(/^(?=.)/gm, '  ');
      assert.ok(dry.stdout.includes(`would write ${root}${path}:\n${text}`), path);
    }
  }
});

test('the tree of another system must exist', async (t) => {
  const root = join(rootOf(t), 'none');
  for (const command of ['install', 'uninstall']) {
    const { code, stderr } = await portreeve([command, '--root', root]);
    assert.deepEqual(
      [code, stderr.split('\n')[0]],
      [2, `portreeve: error[ROOT_ABSENT]: there is no directory ${root}`],
    );
  }
  assert.equal(existsSync(root), false);
});

test('foreign files are refused, unless --force replaces them', async (t) => {
  const root = rootOf(t);
  const path = join(root, UNITS, 'portreeve.service');
  mkdirSync(join(root, UNITS), { recursive: true });
  writeFileSync(path, '[Service]\n');
  const refused = await portreeve(['install', '--root', root]);
  assert.equal(refused.code, 1);
  const message = `portreeve: error[INSTALL_FOREIGN]: ${path} exists and portreeve did not write it`;
  assert.ok(
    refused.stderr.endsWith(`${message}\nNothing was changed. Move it away, or replace it with --force.\n`),
    refused.stderr,
  );
  assert.deepEqual(treeOf(root), [`${UNITS}/portreeve.service`]);
  assert.equal((await portreeve(['install', '--root', root, '--force'])).code, 0);
  assert.deepEqual(treeOf(root), INSTALLED);
  assert.match(readFileSync(path, 'utf8'), /^# Made by "portreeve install"/);
});

test('uninstall removes what install wrote and nothing else', async (t) => {
  const root = rootOf(t);
  await portreeve(['install', '--root', root]);
  writeFileSync(join(root, UNITS, 'other.service'), '[Service]\n');
  const dry = await portreeve(['uninstall', '--root', root, '--dry-run']);
  assert.deepEqual(treeOf(root), [...INSTALLED, `${UNITS}/other.service`].sort());
  const { code, stdout } = await portreeve(['uninstall', '--root', root]);
  assert.equal(code, 0);
  assert.deepEqual(treeOf(root), [`${UNITS}/other.service`]);
  for (const path of INSTALLED) {
    assert.ok(dry.stdout.includes(`would remove ${root}${path}\n`), path);
    assert.ok(stdout.includes(`removed ${root}${path}\n`), path);
  }
  const again = await portreeve(['uninstall', '--root', root]);
  assert.deepEqual([again.code, again.stdout], [0, 'portreeve is not installed; nothing was changed\n']);
});

test('a symbolic link of the other system is resolved there, and does not lead into this one', async (t) => {
  const [root, hostRoot] = [rootOf(t), rootOf(t)];
  mkdirSync(join(root, 'etc'));
  symlinkSync(hostRoot, join(root, 'etc/systemd'));
  assert.equal((await portreeve(['install', '--root', root])).code, 0);
  assert.deepEqual(readdirSync(hostRoot), []);
  assert.ok(existsSync(join(root, hostRoot, 'system/portreeve.service')));
  assert.equal((await portreeve(['uninstall', '--root', root])).code, 0);
  assert.ok(!existsSync(join(root, hostRoot, 'system/portreeve.service')));
});

test('the state is kept and listed, unless it is purged', async (t) => {
  const root = rootOf(t);
  const state = join(root, 'var/lib/portreeve');
  mkdirSync(state, { recursive: true });
  writeFileSync(join(state, 'profile.db'), '');
  await portreeve(['install', '--root', root]);
  const { stdout } = await portreeve(['uninstall', '--root', root]);
  assert.match(
    stdout,
    /^not removed: \/var\/lib\/portreeve, with the history of applied profiles; --purge removes it$/m,
  );
  assert.ok(existsSync(join(state, 'profile.db')));
  assert.equal((await portreeve(['uninstall', '--root', root, '--purge'])).code, 0);
  assert.ok(!existsSync(state));
});

test('only root can install on the host; any user can see the plan, and write into their own tree', async (t) => {
  const root = rootOf(t);
  for (const command of ['install', 'uninstall']) {
    const { code, stderr, stdout } = await portreeve([command], 1000);
    assert.deepEqual([code, stdout], [3, '']);
    assert.match(stderr, /^portreeve: error\[\w+\]: only root can do this\n.*--dry-run/);
    assert.equal((await portreeve([command, '--root', root], 1000)).code, 0);
  }
  assert.equal((await portreeve(['uninstall', '--dry-run'], 1000)).code, 0);
});
