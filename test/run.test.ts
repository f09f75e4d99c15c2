/** Holds the runner of the tests to what it promises: nothing fails, hangs or is skipped unseen. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { needs } from './support/probe.ts';
import { type FileResult, judge, parseExpectedSkips } from './support/results.ts';

/** Runs a test file of this content by runFile, in a process that is not itself a test. */
async function resultOf(source: string, { fileMs = 60_000, testMs = 60_000 } = {}): Promise<FileResult> {
  const dir = await mkdtemp(join(tmpdir(), 'portreeve-run-'));
  try {
    const file = join(dir, 'a.test.mjs');
    await writeFile(file, `import { describe, test } from 'node:test';\n${source}`);
    const runner = JSON.stringify(new URL('./support/runner.ts', import.meta.url).href);
    const program = join(dir, 'program.mjs');
    await writeFile(
      program,
      `import { runFile } from ${runner};
      const options = { signal: AbortSignal.timeout(${fileMs}), testMs: ${testMs} };
      const result = await runFile(${JSON.stringify(file)}, options);
      console.log(JSON.stringify(result));`,
    );
    // Inside a test, run() would do nothing: it recognises one by this variable.
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const { stdout } = await promisify(execFile)(process.execPath, [program], { env });
    return JSON.parse(stdout) as FileResult;
  } finally {
    await rm(dir, { recursive: true });
  }
}

describe('running a file', () => {
  test('counts tests and not suites, and keeps the names of suites', async () => {
    const { passed, failures, skips } = await resultOf(`
      test('a', () => {});
      describe('s', () => {
        test('b', () => {});
        test('c', () => { throw new Error('broken'); });
        test('d', (t) => t.skip('needs d'));
        test.skip('e', () => {});
      });
      test.todo('f');
    `);
    assert.equal(passed, 2);
    assert.deepEqual(
      failures.map((failure) => failure.test),
      ['s > c', 'f'],
    );
    assert.match(failures[0]?.details ?? '', /Error: broken/);
    assert.deepEqual(skips, [{ test: 's > d', reason: 'needs d' }, { test: 's > e' }]);
  });

  test('fails a file without tests, one that cannot start and one that exits badly', async () => {
    for (const source of ['', 'syntax error', 'process.exit(3);']) {
      assert.equal((await resultOf(source)).failures.length, 1, source);
    }
    assert.equal((await resultOf("test('a', () => {});")).failures.length, 0);
  });

  test('ends a file that hangs, and fails it', async () => {
    const { failures } = await resultOf("test('a', () => new Promise(() => setInterval(() => {}, 1000)));", {
      fileMs: 1000,
    });
    assert.equal(failures.length, 1);
  });

  test('fails a test that hangs by its name, and runs those behind it', async () => {
    const { passed, failures } = await resultOf(
      `
      describe('s', () => {
        test('a', (t) => {
          const timer = setInterval(() => {}, 1000);
          t.after(() => clearInterval(timer));
          return new Promise(() => {});
        });
        test('b', () => {});
      });
    `,
      { testMs: 500 },
    );
    assert.equal(passed, 1);
    assert.deepEqual(
      failures.map((failure) => failure.test),
      ['s > a'],
    );
    assert.match(failures[0]?.details ?? '', /timed out after 500ms/);
  });
});

describe('judging a run', () => {
  const result = (part: Partial<FileResult>): FileResult => {
    return { file: 'a.test.ts', passed: 1, failures: [], skips: [], output: '', seconds: 0, ...part };
  };
  const skipped = (reason?: string) => [result({ skips: [{ test: 's > needs root', reason }] })];

  test('ends with the counts', () => {
    assert.deepEqual(judge([result({}), result({ passed: 2 })]), {
      ok: true,
      lines: ['3 passed, 0 failed, 0 skipped'],
    });
    const failing = judge([result({ failures: [{ test: 'b', details: '' }] })]);
    assert.deepEqual(failing, { ok: false, lines: ['1 passed, 1 failed, 0 skipped'] });
  });

  test('refuses a run without tests', () => {
    assert.equal(judge([]).ok, false);
  });

  test('accepts a skip with a reason and refuses one without', () => {
    const { ok, lines } = judge(skipped('needs root (uid 0)'));
    assert.equal(ok, true);
    assert.match(lines[0] ?? '', /a\.test\.ts: s > needs root: needs root \(uid 0\)$/);
    assert.equal(judge(skipped()).ok, false);
  });

  test('refuses a skip that is not expected, when there is a list', () => {
    const expected = parseExpectedSkips('# why\n\ns > *  some machines have no root\n');
    assert.equal(judge(skipped('needs root'), expected).ok, true);
    assert.equal(judge(skipped(), expected).ok, false);
    assert.equal(judge(skipped('needs root'), parseExpectedSkips('s > x | another\n')).ok, false);
    assert.equal(judge(skipped('needs root'), []).ok, false);
  });

  test('mentions an expected skip that did not happen', () => {
    const { ok, lines } = judge([result({})], [{ pattern: 's > *', why: 'no root' }]);
    assert.equal(ok, true);
    assert.match(lines[0] ?? '', /not skipped here.*s > \*/);
  });
});

describe('the list of expected skips', () => {
  test('takes two spaces or a bar', () => {
    assert.deepEqual(parseExpectedSkips('a > b c  no root\n# note\nd | no d'), [
      { pattern: 'a > b c', why: 'no root' },
      { pattern: 'd', why: 'no d' },
    ]);
  });

  test('refuses a line without a why', () => {
    assert.throws(() => parseExpectedSkips('a b'), /not: a b/);
  });
});

test('needs skips with every reason, and only then', () => {
  const reasons: string[] = [];
  const context = { skip: (reason: string) => reasons.push(reason) };
  assert.equal(needs(context, { ok: true }), true);
  assert.deepEqual(reasons, []);
  assert.equal(needs(context, { ok: false, reason: 'a' }, { ok: true }, { ok: false, reason: 'b' }), false);
  assert.deepEqual(reasons, ['a; b']);
});
