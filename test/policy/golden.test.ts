/** Handwritten profiles and verdicts, one rule each, against decide() and the oracle. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { buildProfile } from '../../src/profile/core/build.ts';
import { decide } from '../../src/profile/core/decide.ts';
import { RuleTable } from '../../src/profile/core/table.ts';
import { parseProfile } from '../../src/profile/text/parse.ts';
import {
  type AnyVerdict,
  type GoldenProfile,
  type GoldenVerdict,
  goldenFiles,
  goldenProfiles,
  goldenText,
  verdictText,
} from '../support/golden-profiles.ts';
import { oracle } from '../support/profile-oracle.ts';

const PROFILES = goldenProfiles();

function read({ file, text }: GoldenProfile) {
  const include = (path: string) => {
    const included = goldenText(path);
    return included === undefined ? { problem: 'no such file' } : { file: path, text: included };
  };
  const { statements, findings } = parseProfile({ file, text }, { include });
  const built = buildProfile(statements);
  return { statements, profile: built.profile, findings: [...findings, ...built.findings] };
}

/** The requests of a profile with the verdicts of `answer`. */
function answered(golden: GoldenProfile, answer: (verdict: GoldenVerdict) => AnyVerdict): string[] {
  return golden.verdicts.map((verdict) => {
    const withRuleText = verdict.expected.includes(' rule ');
    return `${verdict.requestText} -> ${verdictText(answer(verdict), golden.file, withRuleText)}`;
  });
}

for (const golden of PROFILES) {
  const { name, file, authportJobs, isPermitted } = golden;
  const expected = golden.verdicts.map((verdict) => `${verdict.requestText} -> ${verdict.expected}`);

  describe(name, () => {
    test('decide() returns the expected verdicts', () => {
      const saf = {
        check: (...args: Parameters<typeof isPermitted>) => ({
          permitted: isPermitted(...args),
          source: undefined,
        }),
      };
      const table = new RuleTable(read(golden).profile, { authportJobs, saf });
      assert.deepEqual(
        answered(golden, ({ request }) => decide(table, request)),
        expected,
      );
    });

    test('the oracle returns the expected verdicts', () => {
      const { statements } = read(golden);
      assert.deepEqual(
        answered(golden, ({ request }) => oracle(statements, golden, request)),
        expected,
      );
    });

    test('the findings are the expected ones', () => {
      const found = read(golden).findings.map(
        ({ severity, code, place }) =>
          `${severity} ${code} line ${place.line}${place.file === file ? '' : ` of ${place.file}`}`,
      );
      assert.deepEqual(found.sort(), golden.findings);
    });
  });
}

test('every profile has allowing and denying verdicts', () => {
  assert.ok(PROFILES.length >= 60);
  const allow = PROFILES.filter(({ verdicts }) => !verdicts.some(({ expected }) => /^allow/.test(expected)));
  const deny = PROFILES.filter(({ verdicts }) => !verdicts.some(({ expected }) => /^deny/.test(expected)));
  assert.deepEqual([allow.map(({ name }) => name), deny.map(({ name }) => name)], [[], []]);
});

test('every file belongs to a profile', () => {
  const names = new Set(PROFILES.map(({ name }) => name));
  const others = goldenFiles().filter((file) => !names.has(file.replace(/\.(profile|verdicts|part)$/, '')));
  assert.deepEqual(others, ['README.md']);
});
