// Tests of finding who else can modify a tree: every component, every file, and the targets of links.
import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { needs, probe } from '../../../test/support/probe.ts';
import { TrustedTree } from './trusted-tree.ts';

const ALICE = 1000;
const LIMITS = { entries: 1000, findings: 5 };

/** A tree in a directory that only root can write to. Undefined if the test is skipped. */
function setup(t: TestContext): string | undefined {
  if (!needs(t, probe.root())) return undefined;
  const directory = mkdtempSync('/run/trusted-tree-');
  chmodSync(directory, 0o755);
  t.after(() => rmSync(directory, { recursive: true }));
  mkdirSync(join(directory, 'program/dist/deep'), { recursive: true });
  for (const name of ['main', 'dist/a', 'dist/deep/b']) writeFileSync(join(directory, 'program', name), '');
  return directory;
}

function found(path: string, limits = LIMITS): string[] {
  const tree = new TrustedTree(limits);
  tree.add(path);
  return tree.found.map((each) => `${each.path} ${each.why}`);
}

test("root's own files and missing files are not findings", (t) => {
  const directory = setup(t);
  if (directory === undefined) return;
  for (const path of [directory, '/bin/sh', join(directory, 'none')]) assert.deepEqual(found(path), []);
});

describe('a file is found if others can modify it:', () => {
  const cases: [path: string, mode: number, uid: number, why: string][] = [
    ['program', 0o757, 0, 'is writable by everyone'],
    ['program', 0o1777, 0, 'is writable by everyone'],
    ['program', 0o775, 0, 'is writable by group 0'],
    ['program', 0o755, ALICE, `belongs to uid ${ALICE}`],
    ['program/main', 0o664, 0, 'is writable by group 0'],
    ['program/main', 0o444, ALICE, `belongs to uid ${ALICE}`],
    ['program/dist/deep/b', 0o646, 0, 'is writable by everyone'],
    ['program/dist/deep', 0o775, 0, 'is writable by group 0'],
  ];
  for (const [path, mode, uid, why] of cases) {
    test(`${path} ${mode.toString(8)} of uid ${uid}`, (t) => {
      const directory = setup(t);
      if (directory === undefined) return;
      chownSync(join(directory, path), uid, 0);
      chmodSync(join(directory, path), mode);
      assert.deepEqual(found(join(directory, 'program')), [`${join(directory, path)} ${why}`]);
    });
  }

  test('a parent directory is checked, also for a single file', (t) => {
    const directory = setup(t);
    if (directory === undefined) return;
    chownSync(join(directory, 'program'), ALICE, 0);
    for (const path of ['program/main', 'program/dist/../main']) {
      assert.deepEqual(found(join(directory, path)), [`${directory}/program belongs to uid ${ALICE}`]);
    }
  });

  test('the descendants of a directory on another path are checked', (t) => {
    const directory = setup(t);
    if (directory === undefined) return;
    chmodSync(join(directory, 'program/dist/deep/b'), 0o666);
    const tree = new TrustedTree(LIMITS);
    tree.addPath(join(directory, 'program/dist/deep'));
    assert.deepEqual(tree.found, []);
    tree.add(join(directory, 'program'));
    assert.equal(tree.found.length, 1);
  });
});

describe('links', () => {
  test('are followed, with each of their components', (t) => {
    const directory = setup(t);
    if (directory === undefined) return;
    mkdirSync(join(directory, 'far/there'), { recursive: true });
    writeFileSync(join(directory, 'far/there/file'), '');
    symlinkSync('../../far/there', join(directory, 'program/dist/link'));
    assert.deepEqual(found(join(directory, 'program')), []);
    chownSync(join(directory, 'far'), ALICE, 0);
    assert.deepEqual(found(join(directory, 'program')), [`${directory}/far belongs to uid ${ALICE}`]);
    chownSync(join(directory, 'far'), 0, 0);
    chmodSync(join(directory, 'far/there/file'), 0o666);
    assert.deepEqual(found(join(directory, 'program')), [
      `${directory}/far/there/file is writable by everyone`,
    ]);
  });

  test('of a user are findings; a loop and a dangling link are harmless', (t) => {
    const directory = setup(t);
    if (directory === undefined) return;
    const at = (name: string) => join(directory, 'program', name);
    symlinkSync('main', at('mine'));
    symlinkSync('nowhere', at('nothing'));
    symlinkSync('.', at('self'));
    assert.deepEqual(found(at('')), []);
    lchownSync(at('mine'), ALICE, ALICE);
    symlinkSync('loop', at('loop'));
    assert.deepEqual(found(at('')).toSorted(), [
      `${at('loop')} contains too many symbolic links`,
      `${at('mine')} belongs to uid ${ALICE}`,
    ]);
  });
});

test('the number of files and findings is limited', (t) => {
  const directory = setup(t);
  if (directory === undefined) return;
  assert.match(
    found(directory, { entries: 5, findings: 5 })[0] ?? '',
    /exceeds the maximum number of files$/,
  );
  for (let i = 0; i < 9; i++) writeFileSync(join(directory, `open${i}`), '', { mode: 0o600 });
  for (let i = 0; i < 9; i++) chmodSync(join(directory, `open${i}`), 0o666);
  assert.equal(found(directory).length, LIMITS.findings);
});
