// Tests of `portreeve profile format`: printing, rewriting and checking; files with errors stay unchanged.
import assert from 'node:assert/strict';
import { chmodSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { workspace } from '../../../test/support/profile-workspace.ts';

const LOOSE = '; head\nport 80 tcp WEB ; the web\n   UNRSV udp * deny\n';

test('prints the canonical form, which has the same meaning and is stable', async (t) => {
  const { run, write, directory } = workspace(t, { loose: LOOSE });
  const { code, stdout, stderr } = await run('profile format @loose');
  assert.deepEqual([code, stderr], [0, '']);
  assert.equal(readFileSync(join(directory, 'loose'), 'utf8'), LOOSE);
  write('canonical', stdout);
  assert.equal((await run('profile format @canonical')).stdout, stdout);
  assert.equal((await run('profile diff @loose @canonical')).code, 0);
});

test('--check exits 1 if the file is not formatted', async (t) => {
  const { run, write } = workspace(t, { loose: LOOSE });
  assert.deepEqual(await run('profile format @loose --check'), {
    code: 1,
    stdout: '',
    stderr: '@loose is not formatted\n',
  });
  write('canonical', (await run('profile format @loose')).stdout);
  assert.deepEqual(await run('profile format @canonical --check'), { code: 0, stdout: '', stderr: '' });
});

test('--write rewrites the file and keeps its mode', async (t) => {
  const { run, directory } = workspace(t, { loose: LOOSE });
  const path = join(directory, 'loose');
  chmodSync(path, 0o640);
  const canonical = (await run('profile format @loose')).stdout;
  assert.deepEqual(await run('profile format @loose --write'), { code: 0, stdout: '', stderr: '' });
  assert.equal(readFileSync(path, 'utf8'), canonical);
  assert.equal(statSync(path).mode & 0o777, 0o640);
  const { ino } = statSync(path);
  await run('profile format @loose --write');
  assert.equal(statSync(path).ino, ino, 'a formatted file is not written again');
  assert.equal((await run('profile format @loose --write --check')).code, 2);
});

test('a profile with errors is not formatted', async (t) => {
  const { run, directory } = workspace(t, { bad: 'PORT 80\n' });
  for (const line of ['profile format @bad', 'profile format @bad --write', 'profile format @bad --check']) {
    const { code, stdout, stderr } = await run(line);
    assert.deepEqual([code, stdout], [1, ''], line);
    assert.match(
      stderr,
      /^@bad:1:\d+: error EZZ0318I.*\n[\s\S]*error\[PROFILE_ERRORS\]: @bad was not formatted: 1 error\n/,
    );
  }
  assert.equal(readFileSync(join(directory, 'bad'), 'utf8'), 'PORT 80\n');
  assert.equal((await run('profile format @none')).code, 2);
});
