// Tests the files of the registration log: permissions, and the names of copies.
import assert from 'node:assert/strict';
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { PortreeveError } from '../../base/errors.ts';
import { LOGS_ASIDE_MAX } from '../../base/limits.ts';
import { LogFiles } from './log-files.ts';

const NOON = Date.UTC(2026, 10, 20, 12);

function directoryOf(t: Pick<TestContext, 'after'>): string {
  const directory = mkdtempSync(join(tmpdir(), 'log-files-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return directory;
}

function filesIn(t: Pick<TestContext, 'after'>, directory: string): LogFiles {
  const files = new LogFiles(directory);
  t.after(() => files.close());
  return files;
}

test('the two files are private to their owner, and keep their contents', (t) => {
  const directory = directoryOf(t);
  writeFileSync(join(directory, 'portmap.log.1'), 'kept');
  const { fds } = filesIn(t, directory);
  assert.equal(new Set(fds).size, 2);
  assert.equal(statSync(join(directory, 'portmap.log.0')).mode & 0o777, 0o600);
  assert.equal(readFileSync(join(directory, 'portmap.log.1'), 'utf8'), 'kept');
});

test('a link is not followed, and a missing directory is an error', (t) => {
  const isFailure = (thrown: unknown) => thrown instanceof PortreeveError && thrown.code === 'LOG_FAILED';
  const directory = directoryOf(t);
  symlinkSync('/dev/null', join(directory, 'portmap.log.0'));
  assert.throws(() => new LogFiles(directory), isFailure);
  assert.throws(() => new LogFiles(join(directory, 'absent')), isFailure);
});

test('a file that is set aside is copied to a name with its number, the reason and the time', (t) => {
  const directory = directoryOf(t);
  const files = filesIn(t, directory);
  writeFileSync(join(directory, 'portmap.log.1'), 'spoiled');
  const kept = files.setAside({ file: 1, word: 'damaged', reason: '' }, new Date(NOON));
  assert.equal(basename(kept), 'portmap.log.1.damaged-20261120T120000000Z');
  assert.equal(readFileSync(kept, 'utf8'), 'spoiled');
  assert.equal(readFileSync(join(directory, 'portmap.log.1'), 'utf8'), 'spoiled');
});

test('the newest copies are kept, and no other file is touched', (t) => {
  const directory = directoryOf(t);
  const files = filesIn(t, directory);
  writeFileSync(join(directory, 'portmap.log.0.mine'), '');
  const kept = Array.from({ length: LOGS_ASIDE_MAX + 3 }, (_, i) => {
    const word = i % 2 === 0 ? 'damaged' : 'other-boot';
    return basename(files.setAside({ file: i % 2 === 0 ? 0 : 1, word, reason: '' }, new Date(NOON + i)));
  });
  assert.deepEqual(
    readdirSync(directory).toSorted(),
    ['portmap.log.0', 'portmap.log.0.mine', 'portmap.log.1', ...kept.slice(-LOGS_ASIDE_MAX)].toSorted(),
  );
});
