// Compiled code is used if it belongs to the program and only those who can write the program could write it.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { needs, probe } from '../../test/support/probe.ts';

const COMPILED = join(import.meta.dirname, 'compiled.ts');
const OTHER = 65534;
const HANGS_MS = 20_000;
const LATER = Date.now() / 1000 + 60;

/** A program whose only command prints a text and does `more`, in a directory that is removed after the test. */
function built(t: TestContext, more = '') {
  const directory = fs.mkdtempSync(join(tmpdir(), 'portreeve-'));
  t.after(() => fs.rmSync(directory, { recursive: true, force: true }));
  fs.chmodSync(directory, 0o755);
  const file = join(directory, 'portreeve.cjs');
  const write = (text: string) =>
    fs.writeFileSync(
      file,
      `// ${text}
      (function (exports, require, module, filename, directory) {
        exports.main = async () => { console.log('${text}'); ${more}; return ['say']; };
      })`,
    );
  write('here');
  const cache = join(directory, '.cache');
  const entry = join(cache, `${process.versions.node}-${process.arch}-say`);
  /** Runs it; returns its output, and whether compiled code was used. */
  const start = (
    wrapper: readonly string[] = [],
    flags: readonly string[] = [],
    ending: readonly unknown[] = [0, ''],
  ): string => {
    const script = `const { startProgram } = await import('${COMPILED}'); console.log(startProgram('${directory}'))`;
    const node = [process.execPath, ...flags, '--input-type=module', '-e', script, 'portreeve', 'say'];
    const [command = '', ...args] = [...wrapper, ...node];
    const options = {
      encoding: 'utf8',
      timeout: HANGS_MS,
      env: { ...process.env, NODE_OPTIONS: '' },
    } as const;
    const { status, stdout, stderr } = spawnSync(command, args, options);
    assert.deepEqual([status, stderr], ending);
    return stdout;
  };
  return { directory, file, cache, entry, write, start };
}

const mode = (path: string) => fs.statSync(path).mode & 0o7777;

test('the second run uses what the first compiled', (t) => {
  const { start, cache, entry } = built(t);
  assert.equal(start(), 'here\nnone\n');
  assert.equal(start(), 'here\nused\n');
  assert.deepEqual(fs.readdirSync(cache), [entry.slice(cache.length + 1)]);
});

test('the first runs add what they compiled, and later ones write nothing', (t) => {
  const { start, entry } = built(t);
  const inodes = Array.from({ length: 10 }, () => {
    start();
    return fs.statSync(entry).ino;
  });
  assert.ok(inodes[0] !== inodes[1]);
  assert.deepEqual(new Set(inodes.slice(-3)).size, 1);
  assert.equal(start(), 'here\nused\n');
});

for (const umask of ['0', '077']) {
  test(`every user can read it and only the owner can write it, with umask ${umask}`, (t) => {
    const { start, cache, entry } = built(t);
    start(['sh', '-c', `umask ${umask} && exec "$@"`, 'sh']);
    assert.deepEqual([mode(cache), mode(entry)], [0o755, 0o644]);
  });
}

describe('compiled code is not used', () => {
  const damages: Record<string, (at: ReturnType<typeof built>) => void> = {
    'if it is truncated': ({ entry }) => fs.truncateSync(entry, fs.statSync(entry).size - 8),
    'if it is empty': ({ entry }) => fs.truncateSync(entry, 0),
    'if a byte is wrong': ({ entry }) => {
      const bytes = fs.readFileSync(entry);
      const at = bytes.length - 20;
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      fs.writeFileSync(entry, bytes);
    },
    // V8 would use it: the sources are equally long.
    'if the program was built again': ({ write }) => write('also'),
    'if the program was edited': ({ file }) => {
      fs.writeFileSync(file, fs.readFileSync(file, 'utf8').replace("'here'", "'also'"));
      fs.utimesSync(file, LATER, LATER);
    },
    'if it is a pipe without a writer': ({ entry }) => {
      fs.rmSync(entry);
      spawnSync('mkfifo', [entry]);
    },
    'if it is a link': ({ entry }) => {
      fs.renameSync(entry, `${entry}-2`);
      fs.symlinkSync(`${entry}-2`, entry);
    },
    'if others can write it': ({ entry }) => fs.chmodSync(entry, 0o646),
    'if its group can write it': ({ entry }) => fs.chmodSync(entry, 0o664),
    'if others can write its directory': ({ cache }) => fs.chmodSync(cache, 0o1777),
    'if its directory is a link': ({ cache }) => {
      fs.renameSync(cache, `${cache}-2`);
      fs.symlinkSync(`${cache}-2`, cache);
    },
  };
  for (const [name, damage] of Object.entries(damages)) {
    test(name, (t) => {
      const at = built(t);
      at.start();
      assert.equal(at.start(), 'here\nused\n');
      damage(at);
      assert.match(at.start(), /^(here|also)\nnone\n$/);
    });
  }

  for (const name of ['entry', 'cache'] as const) {
    test(`if another user owns its ${name === 'entry' ? 'file' : 'directory'}`, (t) => {
      if (!needs(t, probe.root())) return;
      const at = built(t);
      at.start();
      fs.chownSync(at[name], OTHER, OTHER);
      assert.equal(at.start(), 'here\nnone\n');
    });
  }

  test('if V8 has other flags, and is kept for runs without them', (t) => {
    const { start, entry } = built(t);
    start();
    const before = fs.readFileSync(entry);
    assert.equal(start([], ['--max-lazy']), 'here\nrejected\n');
    assert.deepEqual(fs.readFileSync(entry), before);
  });
});

test('with NODE_OPTIONS it is used, and not written', (t) => {
  const { start, cache } = built(t);
  const options = ['env', 'NODE_OPTIONS=--no-warnings'];
  assert.equal(start(options), 'here\nnone\n');
  assert.ok(!fs.existsSync(cache));
  start();
  assert.equal(start(options), 'here\nused\n');
});

test('a directory that a build moves away is not made again', (t) => {
  const { start, directory } = built(t, "require('node:fs').renameSync(directory, directory + '.old')");
  t.after(() => fs.rmSync(`${directory}.old`, { recursive: true }));
  assert.equal(start(), 'here\nnone\n');
  assert.ok(!fs.existsSync(directory));
});

test('what a killed command left is removed by the next that writes', (t) => {
  const { start, cache, entry } = built(t);
  fs.mkdirSync(cache, { mode: 0o755 });
  const [old, recent] = [join(cache, '.old'), join(cache, '.recent')];
  for (const draft of [old, recent]) fs.writeFileSync(draft, '');
  fs.utimesSync(old, 0, 0);
  start();
  assert.deepEqual(fs.readdirSync(cache).sort(), ['.recent', entry.slice(cache.length + 1)]);
});

test('a command that waits for what cannot happen is a bug', (t) => {
  const { start, cache } = built(t, 'await new Promise(() => {})');
  const text = 'portreeve: error[BUG]: the command has not ended\nThis is a bug of portreeve.\n';
  assert.equal(start([], [], [3, text]), 'here\nnone\n');
  assert.ok(!fs.existsSync(cache));
});

describe('root does not write', () => {
  test('into the directory of another user', (t) => {
    if (!needs(t, probe.root())) return;
    const { start, directory, file, cache } = built(t);
    for (const path of [directory, file]) fs.chownSync(path, OTHER, OTHER);
    assert.equal(start(), 'here\nnone\n');
    assert.ok(!fs.existsSync(cache));
  });

  test('through a link', (t) => {
    const { start, directory, cache, entry } = built(t);
    const target = join(directory, 'target');
    fs.mkdirSync(target);
    fs.symlinkSync(target, cache);
    start();
    assert.deepEqual(fs.readdirSync(target), []);
    fs.rmSync(cache);
    fs.mkdirSync(cache);
    const victim = join(directory, 'victim');
    fs.writeFileSync(victim, 'as it was');
    fs.symlinkSync(victim, entry);
    start();
    assert.equal(fs.readFileSync(victim, 'utf8'), 'as it was');
    assert.ok(fs.lstatSync(entry).isFile());
  });
});

test('a program on a read-only file system runs without a cache', (t) => {
  if (!needs(t, probe.root(), probe.netns())) return;
  const { start, directory, cache } = built(t);
  const readOnly = `mount --bind ${directory} ${directory} && mount -o remount,bind,ro ${directory} && exec "$@"`;
  assert.equal(start(['unshare', '--mount', 'sh', '-c', readOnly, 'sh']), 'here\nnone\n');
  assert.ok(!fs.existsSync(cache));
});
