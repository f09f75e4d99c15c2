/** CHANGELOG.md has the form of keepachangelog.com 1.1.0: releases with a date, newest first, and known sections. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ROOT } from '../support/files.ts';

const KINDS = ['Added', 'Changed', 'Deprecated', 'Removed', 'Fixed', 'Security'];
const [, ...RELEASES] = readFileSync(new URL('CHANGELOG.md', ROOT), 'utf8').split(/^(?=## )/m);

test('each release has a version and a date, after what is not released yet', () => {
  const [first, ...others] = RELEASES.map((text) => text.split('\n', 1)[0] ?? '');
  assert.equal(first, '## [Unreleased]');
  for (const heading of others) assert.match(heading, /^## \[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d$/);
  const dates = others.map((heading) => heading.slice(-10));
  assert.deepEqual(dates, dates.toSorted().reverse());
});

test('the sections of a release are known, in one order, and have entries', () => {
  for (const release of RELEASES) {
    const sections = release.split(/^### /m).slice(1);
    const names = sections.map((text) => text.split('\n', 1)[0] ?? '');
    assert.deepEqual(
      names,
      KINDS.filter((kind) => names.includes(kind)),
    );
    for (const text of sections) assert.match(text, /^- /m);
  }
});
