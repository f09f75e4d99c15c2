/** The findings of the doctor in docs/doctor.md and in the manual equal those of its checks. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { manSource } from '../../scripts/man-source.ts';
import { DOCTOR_SECTION } from '../../src/doctor/app/settings.ts';
import { CHECKS } from '../../src/doctor/core/findings/checks/all.ts';
import { sectionOf } from '../../src/kit/settings.ts';
import { parseSettings } from '../../src/kit/settings-file.ts';
import { ROOT } from '../support/files.ts';
import { tableOf } from '../support/tables.ts';

test('the table of docs/doctor.md has every code, with its severities, title and reason', () => {
  const rows = tableOf('docs/doctor.md', ['code', 'severity', 'finding', 'why it matters']);
  const documented = rows.map((row) => [row['code'], row['severity'], row['finding'], row['why it matters']]);
  const known = CHECKS.map(({ code, severities, title, why }) => {
    return [`\`${code}\``, severities.join(' or '), title, why];
  });
  assert.deepEqual(documented, known);
});

test('the manual has every code with its title', () => {
  const listed = [...manSource('portreeve-doctor.1').matchAll(/^- `([A-Z_]+)`: (.*)\.$/gm)];
  const known = CHECKS.map(({ code, title }) => {
    return [code, `${title.charAt(0).toUpperCase()}${title.slice(1)}`];
  });
  assert.deepEqual(
    listed.map(([, code, title]) => [code, title]),
    known,
  );
});

test('the suppression of docs/doctor.md is valid', async () => {
  const page = readFileSync(new URL('docs/doctor.md', ROOT), 'utf8');
  const text = /```toml\n([\s\S]*?)```/.exec(page)?.[1] ?? '';
  const settings = await parseSettings(text, 'docs/doctor.md', [DOCTOR_SECTION]);
  assert.equal(sectionOf(settings, DOCTOR_SECTION).suppress?.length, 1);
});

test('every explanation consists of paragraphs without line breaks', () => {
  for (const { code, explanation } of CHECKS) {
    for (const paragraph of explanation) {
      assert.match(paragraph, /^["A-Za-z].*[.:]$/, code);
      assert.doesNotMatch(paragraph, /\n| {2}/, code);
    }
  }
});
