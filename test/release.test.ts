/** The release script refuses what cannot be released and changes nothing then; it never publishes. */

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ROOT } from './support/files.ts';
import { needs, probe } from './support/probe.ts';

const VERSION = '9.8.7';
const RELEASED = `# Changelog\n\n## [Unreleased]\n\n## [${VERSION}] - 2026-12-01\n\n- a\n\n## [9.8.6] - 2026-11-01\n`;
/** In the place of npm, so that no test runs the tests. */
const NPM = `#!/bin/sh
echo "npm $*" >>npm.log
case $1 in pack) echo packed >portreeve-${VERSION}.tgz ;; esac
`;

interface Clone {
  readonly directory: string;
  git(...args: readonly string[]): string;
  release(...args: readonly string[]): { readonly status: number | null; stdout: string; stderr: string };
}

/** A repository with the script, a version and its section in the changelog, all committed on main. */
function clone(t: TestContext): Clone | undefined {
  if (!needs(t, probe.command('git'))) return undefined;
  const directory = mkdtempSync(join(tmpdir(), 'portreeve-release-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const bin = join(directory, '.git/bin');
  const identity = { NAME: 'a', EMAIL: 'a@example.org' };
  const names = Object.entries(identity).flatMap(([key, value]) =>
    ['AUTHOR', 'COMMITTER'].map((role) => [`GIT_${role}_${key}`, value]),
  );
  const env = {
    ...Object.fromEntries(names),
    PATH: [bin, process.env['PATH']].join(delimiter),
    HOME: directory,
    GIT_CONFIG_NOSYSTEM: '1',
  };
  const git = (...args: readonly string[]) =>
    execFileSync('git', args, { cwd: directory, env, encoding: 'utf8' });
  git('init', '--quiet', '--initial-branch=main');
  mkdirSync(bin);
  writeFileSync(join(bin, 'npm'), NPM);
  chmodSync(join(bin, 'npm'), 0o755);
  mkdirSync(join(directory, 'scripts'));
  copyFileSync(fileURLToPath(new URL('scripts/release', ROOT)), join(directory, 'scripts/release'));
  for (const file of ['package.json', 'package-lock.json'])
    writeFileSync(
      join(directory, file),
      `{\n  "name": "portreeve",\n  "version": "${VERSION}",\n  "a": 1\n}\n`,
    );
  writeFileSync(join(directory, 'CHANGELOG.md'), RELEASED);
  writeFileSync(join(directory, '.gitignore'), '/npm.log\n/*.tgz\n');
  git('add', '.');
  git('commit', '--quiet', '--message=a');
  const release = (...args: readonly string[]) =>
    spawnSync('sh', ['scripts/release', ...args], { cwd: directory, env, encoding: 'utf8' });
  return { directory, git, release };
}

/** Changes a file and commits it. */
function commit({ directory, git }: Clone, file: string, text: string): void {
  writeFileSync(join(directory, file), text);
  git('commit', '--all', '--quiet', '--message=b');
}

const REFUSALS: Readonly<Record<string, [change: (clone: Clone) => void, message: RegExp]>> = {
  'a file that is not committed': [
    ({ directory }) => writeFileSync(join(directory, 'new'), ''),
    /the tree has changes that are not committed/,
  ],
  'another branch': [
    ({ git }) => git('switch', '--quiet', '--create=other'),
    /this is other; .* branch main/,
  ],
  'no branch': [({ git }) => git('switch', '--quiet', '--detach'), /this is no branch/],
  'a tag that exists': [({ git }) => git('tag', `v${VERSION}`), /the tag v9\.8\.7 exists/],
  'a changelog without a date': [
    (at) => commit(at, 'CHANGELOG.md', RELEASED.replace(' - 2026-12-01', '')),
    /CHANGELOG\.md is "## \[9\.8\.7\]", expected "## \[9\.8\.7\] - YYYY-MM-DD"/,
  ],
  'a changelog of another version': [
    (at) => commit(at, 'CHANGELOG.md', RELEASED.replace(VERSION, '9.8.8')),
    /CHANGELOG\.md is "## \[9\.8\.8\] - 2026-12-01"/,
  ],
  'a changelog without releases': [
    (at) => commit(at, 'CHANGELOG.md', '# Changelog\n\n## [Unreleased]\n'),
    /CHANGELOG\.md is "none"/,
  ],
  'a malformed version': [
    (at) => commit(at, 'package.json', '{\n  "version": "9.8",\n}\n'),
    /no version that can be released: "9\.8"/,
  ],
  'a lock file of another version': [
    (at) => commit(at, 'package-lock.json', '{\n  "version": "9.8.6",\n}\n'),
    /package-lock\.json does not have the version 9\.8\.7/,
  ],
};

for (const [name, [change, message]] of Object.entries(REFUSALS)) {
  test(`refuses ${name}, and changes nothing`, (t) => {
    const at = clone(t);
    if (at === undefined) return;
    change(at);
    const before = [at.git('tag'), readdirSync(at.directory)];
    for (const args of [[], ['--dry-run']]) {
      const { status, stderr } = at.release(...args);
      assert.equal(status, 1, stderr);
      assert.match(stderr, message);
    }
    assert.deepEqual([at.git('tag'), readdirSync(at.directory)], before);
  });
}

test('with --dry-run describes the release and changes nothing', (t) => {
  const at = clone(t);
  if (at === undefined) return;
  const { status, stdout, stderr } = at.release('--dry-run');
  assert.equal(status, 0, stderr);
  const commitId = at.git('rev-parse', '--short', 'HEAD').trim();
  assert.deepEqual(stdout.split('\n'), [
    'would run the tests: npm test',
    `would pack portreeve-${VERSION}.tgz: npm pack`,
    `would make the tag v${VERSION} of ${commitId}`,
    '',
  ]);
  assert.equal(at.git('tag'), '');
  assert.ok(!readdirSync(at.directory).includes('npm.log'));
});

test('tests, packs and makes an annotated tag, and prints how to publish', (t) => {
  const at = clone(t);
  if (at === undefined) return;
  const { status, stdout, stderr } = at.release();
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^portreeve-9\.8\.7\.tgz: 7 bytes, sha256 [0-9a-f]{64}\nmade the tag v9\.8\.7\. /);
  assert.match(stdout, /\n {2}git push origin main v9\.8\.7\n {2}npm publish portreeve-9\.8\.7\.tgz\n$/);
  assert.equal(at.git('cat-file', '-t', `v${VERSION}`), 'tag\n');
  const calls = execFileSync('cat', ['npm.log'], { cwd: at.directory, encoding: 'utf8' });
  assert.deepEqual(calls.split('\n'), ['npm test', 'npm pack --loglevel=error', '']);
});

test('makes no tag if the tests fail', (t) => {
  const at = clone(t);
  if (at === undefined) return;
  writeFileSync(join(at.directory, '.git/bin/npm'), '#!/bin/sh\nexit 1\n');
  assert.notEqual(at.release().status, 0);
  assert.equal(at.git('tag'), '');
});

test('refuses an unknown option', (t) => {
  const at = clone(t);
  if (at === undefined) return;
  for (const args of [['--force'], ['--dry-run', 'x']]) assert.equal(at.release(...args).status, 2);
});
