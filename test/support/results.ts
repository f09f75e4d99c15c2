// The results of a test run, and the verdict on them.

export interface Failure {
  /** The full name, `suite > test`. */
  readonly test: string;
  readonly details: string;
}

export interface Skip {
  readonly test: string;
  /** Undefined if the test does not give a reason, which is a failure. */
  readonly reason: string | undefined;
}

export interface FileResult {
  readonly file: string;
  readonly passed: number;
  readonly failures: readonly Failure[];
  readonly skips: readonly Skip[];
  readonly output: string;
  readonly seconds: number;
}

export interface ExpectedSkip {
  readonly pattern: string;
  readonly why: string;
}

export interface Verdict {
  readonly ok: boolean;
  readonly lines: readonly string[];
}

/** Parses lines of `PATTERN  why` or `PATTERN | why`; ignores empty lines and those that begin with #. */
export function parseExpectedSkips(text: string): ExpectedSkip[] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, pattern, why] = /^(\S.*?)(?:\s*\|\s*| {2,})(\S.*)$/.exec(line) ?? [];
      if (pattern === undefined || why === undefined) {
        throw new Error(`expected a test name, two spaces or a |, and a reason, not: ${line}`);
      }
      return { pattern, why };
    });
}

/** The verdict on a run; without a list of expected skips, every skip with a reason is accepted. */
export function judge(results: readonly FileResult[], expected?: readonly ExpectedSkip[]): Verdict {
  const skips = results.flatMap(({ file, skips: some }) => some.map((skip) => ({ file, ...skip })));
  const passed = results.reduce((sum, result) => sum + result.passed, 0);
  const failed = results.reduce((sum, { failures }) => sum + failures.length, 0);
  const lines: string[] = [];
  let refused = 0;

  for (const { file, test, reason } of skips) {
    const listed = expected?.find(({ pattern }) => matches(pattern, test));
    const objection = objectionTo(reason, expected !== undefined && listed === undefined);
    if (objection !== undefined) refused += 1;
    lines.push(
      `skipped  ${file}: ${test}: ${reason ?? '-'}${objection === undefined ? '' : ` [${objection}]`}`,
    );
  }
  for (const { pattern } of expected ?? []) {
    if (!skips.some(({ test }) => matches(pattern, test)))
      lines.push(`listed but not skipped here: ${pattern}`);
  }
  // A skip that is not accepted counts as a failure and not as a skip.
  const none = passed + failed + skips.length === 0;
  if (none) lines.push('failed: no test was run');
  const failures = failed + refused + (none ? 1 : 0);
  lines.push(`${passed} passed, ${failures} failed, ${skips.length - refused} skipped`);
  return { ok: failures === 0, lines };
}

function objectionTo(reason: string | undefined, unlisted: boolean): string | undefined {
  if (reason === undefined) return 'failed: a skip must give its reason';
  return unlisted ? 'failed: not an expected skip' : undefined;
}

function matches(pattern: string, test: string): boolean {
  return new RegExp(`^${pattern.split('*').map(RegExp.escape).join('.*')}$`, 's').test(test);
}
