// The test runner: failed, hanging, and skipped tests are all reported.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { ROOT, sourceFiles } from './support/files.ts';
import { needs } from './support/probe.ts';
import { type FileResult, judge, parseExpectedSkips } from './support/results.ts';

/** Runs a test file with this source by runFile, in a process that is not itself a test. */
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
    // With this variable, run() detects that it is inside a test and does nothing.
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const { stdout } = await promisify(execFile)(process.execPath, [program], { env });
    return JSON.parse(stdout) as FileResult;
  } finally {
    await rm(dir, { recursive: true });
  }
}

describe('running a file', () => {
  test('counts tests but not suites, and includes the names of suites', async () => {
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

  test('fails a file without tests, with a syntax error, or with a nonzero exit status', async () => {
    for (const source of ['', 'syntax error', 'process.exit(3);']) {
      assert.equal((await resultOf(source)).failures.length, 1, source);
    }
    assert.equal((await resultOf("test('a', () => {});")).failures.length, 0);
  });

  test('stops and fails a file that hangs', async () => {
    const { failures } = await resultOf("test('a', () => new Promise(() => setInterval(() => {}, 1000)));", {
      fileMs: 1000,
    });
    assert.equal(failures.length, 1);
  });

  test('fails a test that hangs, and runs those after it', async () => {
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

describe('the verdict of a run', () => {
  const result = (part: Partial<FileResult>): FileResult => {
    return { file: 'a.test.ts', passed: 1, failures: [], skips: [], output: '', seconds: 0, ...part };
  };
  const skipped = (reason?: string) => [result({ skips: [{ test: 's > needs root', reason }] })];

  test('contains the counts', () => {
    assert.deepEqual(judge([result({}), result({ passed: 2 })]), {
      ok: true,
      lines: ['3 passed, 0 failed, 0 skipped'],
    });
    const failing = judge([result({ failures: [{ test: 'b', details: '' }] })]);
    assert.deepEqual(failing, { ok: false, lines: ['1 passed, 1 failed, 0 skipped'] });
  });

  test('fails a run without tests', () => {
    assert.equal(judge([]).ok, false);
  });

  test('accepts a skip with a reason, and fails one without', () => {
    const { ok, lines } = judge(skipped('needs root (uid 0)'));
    assert.equal(ok, true);
    assert.match(lines[0] ?? '', /a\.test\.ts: s > needs root: needs root \(uid 0\)$/);
    assert.equal(judge(skipped()).ok, false);
  });

  test('fails a skip that is not in the list, if there is a list', () => {
    const expected = parseExpectedSkips('# why\n\ns > *  some machines have no root\n');
    assert.equal(judge(skipped('needs root'), expected).ok, true);
    assert.equal(judge(skipped(), expected).ok, false);
    assert.equal(judge(skipped('needs root'), parseExpectedSkips('s > x | another\n')).ok, false);
    assert.equal(judge(skipped('needs root'), []).ok, false);
  });

  test('mentions an expected skip that did not happen', () => {
    const { ok, lines } = judge([result({})], [{ pattern: 's > *', why: 'no root' }]);
    assert.equal(ok, true);
    assert.match(lines[0] ?? '', /listed but not skipped here.*s > \*/);
  });
});

describe('the list of expected skips', () => {
  test('accepts two spaces or a bar as separator', () => {
    assert.deepEqual(parseExpectedSkips('a > b c  no root\n# note\nd | no d'), [
      { pattern: 'a > b c', why: 'no root' },
      { pattern: 'd', why: 'no d' },
    ]);
  });

  test('refuses a line without a why', () => {
    assert.throws(() => parseExpectedSkips('a b'), /not: a b/);
  });

  test('names tests that exist', async () => {
    const files = (await sourceFiles(['src', 'test'])).filter((file) => file.endsWith('.test.ts'));
    const sources = (await Promise.all(files.map((file) => readFile(new URL(file, ROOT), 'utf8')))).join(
      '\n',
    );
    const expected = parseExpectedSkips(await readFile(new URL('.ci/expected-skips', ROOT), 'utf8'));
    const missing = expected.filter(({ pattern }) => {
      // The first word of a name may be a parameter.
      const literal = pattern.split(/ > |\*/)[0] ?? '';
      return !sources.includes(literal) && !sources.includes(literal.slice(literal.indexOf(' ')));
    });
    assert.deepEqual(missing, []);
  });
});

test('needs() skips with every reason, if there is one', () => {
  const reasons: string[] = [];
  const context = { skip: (reason: string) => reasons.push(reason) };
  assert.equal(needs(context, { ok: true }), true);
  assert.deepEqual(reasons, []);
  assert.equal(needs(context, { ok: false, reason: 'a' }, { ok: true }, { ok: false, reason: 'b' }), false);
  assert.deepEqual(reasons, ['a; b']);
});
