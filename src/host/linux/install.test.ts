// Tests of the operations of the installer: inspecting, linking, removing and running commands.
import assert from 'node:assert/strict';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { PortreeveError } from '../../base/errors.ts';
import { hasCommand, inspectPath, putLink, remove, runCommand } from './install.ts';
import { putFile } from './put-file.ts';

function directoryOf(t: Pick<TestContext, 'after'>): string {
  const directory = mkdtempSync(join(tmpdir(), 'install-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return directory;
}

function errorOf(call: () => unknown): PortreeveError {
  try {
    call();
  } catch (thrown) {
    assert.ok(thrown instanceof PortreeveError, String(thrown));
    return thrown;
  }
  return assert.fail('nothing was thrown');
}

test('the types of files are recognized', (t) => {
  const directory = directoryOf(t);
  const at = (name: string) => join(directory, name);
  writeFileSync(at('file'), 'text\n');
  symlinkSync('/nowhere', at('link'));
  writeFileSync(at('long'), 'x'.repeat(1024 * 1024 + 1));
  assert.deepEqual(inspectPath(at('nothing')), { kind: 'nothing' });
  assert.deepEqual(inspectPath(at('file')), { kind: 'file', text: 'text\n' });
  assert.deepEqual(inspectPath(at('link')), { kind: 'link', target: '/nowhere' });
  assert.deepEqual(inspectPath(directory), { kind: 'directory' });
  for (const path of [at('long'), '/dev/null']) assert.deepEqual(inspectPath(path), { kind: 'other' }, path);
  assert.equal(errorOf(() => inspectPath(at('file/below'))).code, 'FILE_UNREADABLE');
});

describe('putting a file', () => {
  test('creates it with its directories, readable for all, regardless of the umask', (t) => {
    const directory = directoryOf(t);
    const umask = process.umask(0o077);
    t.after(() => process.umask(umask));
    const path = join(directory, 'a/b/file');
    putFile(path, 'text\n');
    assert.equal(readFileSync(path, 'utf8'), 'text\n');
    assert.equal(statSync(path).mode & 0o777, 0o644);
    for (const made of ['a', 'a/b']) assert.equal(statSync(join(directory, made)).mode & 0o777, 0o755);
  });

  test('replaces a file, or a link itself rather than its target', (t) => {
    const directory = directoryOf(t);
    const [path, far] = [join(directory, 'file'), join(directory, 'far')];
    writeFileSync(far, 'far\n');
    symlinkSync(far, path);
    for (const text of ['one\n', 'two\n']) {
      putFile(path, text);
      assert.deepEqual(inspectPath(path), { kind: 'file', text });
    }
    assert.equal(readFileSync(far, 'utf8'), 'far\n');
    assert.deepEqual(readdirSync(directory).sort(), ['far', 'file']);
  });

  test('leaves nothing behind on failure', (t) => {
    const directory = directoryOf(t);
    mkdirSync(join(directory, 'there'));
    assert.equal(errorOf(() => putFile(join(directory, 'there'), '')).code, 'FILE_UNWRITABLE');
    assert.deepEqual(readdirSync(directory), ['there']);
  });
});

test('a link is created with its directories, replaced, and removed', (t) => {
  const directory = directoryOf(t);
  const path = join(directory, 'a/link');
  for (const target of ['/one', '/two']) {
    putLink(path, target);
    assert.equal(readlinkSync(path), target);
  }
  assert.deepEqual(readdirSync(join(directory, 'a')), ['link']);
  mkdirSync(join(directory, 'there'));
  assert.equal(errorOf(() => putLink(join(directory, 'there'), '/one')).code, 'FILE_UNWRITABLE');
  assert.deepEqual(readdirSync(directory).sort(), ['a', 'there']);
  remove(path);
  remove(join(directory, 'a'));
  assert.deepEqual(readdirSync(directory), ['there']);
  assert.equal(errorOf(() => remove(path)).code, 'FILE_UNWRITABLE');
});

test('removing a link keeps its target', (t) => {
  const directory = directoryOf(t);
  mkdirSync(join(directory, 'far'));
  symlinkSync(join(directory, 'far'), join(directory, 'link'));
  remove(join(directory, 'link'));
  assert.deepEqual(readdirSync(directory), ['far']);
});

test('commands are found in PATH', () => {
  assert.ok(hasCommand('sh'));
  assert.ok(!hasCommand('no-such-command'));
  assert.ok(hasCommand('sh', '/bin') && !hasCommand('node', '/nonexistent'));
});

test('a failed command is reported with its error output', () => {
  runCommand(['true']);
  const failed = errorOf(() => runCommand(['sh', '-c', 'echo no room >&2; exit 4']));
  assert.deepEqual([failed.kind, failed.code], ['environment', 'COMMAND_FAILED']);
  assert.match(failed.message, /: no room$/);
  assert.match(errorOf(() => runCommand(['sh', '-c', 'exit 4'])).message, /: it exited with status 4$/);
  assert.match(errorOf(() => runCommand(['sh', '-c', 'kill -9 $$'])).message, /: SIGKILL$/);
  assert.match(errorOf(() => runCommand(['no-such-command'])).message, /ENOENT/);
});
