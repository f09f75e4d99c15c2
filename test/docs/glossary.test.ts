/** The glossary is in order, gives a source for each word, and has only words that the pages or the commands use. */

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { manPages, manSource } from '../../scripts/man-source.ts';
import { ROOT, sourceFiles } from '../support/files.ts';
import { tableOf } from '../support/tables.ts';

const PAGE = 'docs/glossary.md';
const ROWS = tableOf(PAGE, ['word', 'meaning', 'source']).map(({ word = '', meaning = '', source = '' }) => ({
  names: word.split(', '),
  meaning,
  source,
}));

/** A section of an RFC, a manual page, a file of the kernel, the manual of z/OS, or a page of the project. */
const SOURCE = new RegExp(
  `^(?:${[
    String.raw`RFC \d+(?:, sections? [\d.]+(?: and [\d.]+)*)?`,
    String.raw`[\w-]+\(\d\)(?: \(\w+\)|, ip-sysctl\.rst)?`,
    String.raw`ip-sysctl\.rst`,
    'IP Configuration Reference, .+',
    String.raw`\[.+\]\(.+\)`,
  ].join('|')})$`,
);

/** What users read, but for the glossary: pages, the manual, help, and what commands print. */
async function textsForUsers(): Promise<string> {
  const pages = (await sourceFiles(['docs'])).filter((file) => file.endsWith('.md') && file !== PAGE);
  const printers = (await sourceFiles(['src'])).filter((file) => /\/commands\/[^.]+\.ts$/.test(file));
  return [
    ...['README.md', ...pages, ...printers].map((file) => readFileSync(new URL(file, ROOT), 'utf8')),
    ...manPages().map(manSource),
  ]
    .join('\n')
    .toLowerCase()
    .replace(/\s+/g, ' ');
}

test('the words are in order, and none is there twice', () => {
  const words = ROWS.map(({ names: [first = ''] }) => first.toLowerCase());
  assert.deepEqual(
    words,
    words.toSorted((a, b) => a.localeCompare(b, 'en')),
  );
  assert.equal(new Set(ROWS.flatMap(({ names }) => names)).size, ROWS.flatMap(({ names }) => names).length);
});

test('each word has a meaning, in one sentence, and a source', () => {
  for (const { names, meaning, source: sources } of ROWS) {
    assert.match(meaning, /^[A-Z].*[^.]\.$/, names[0]);
    for (const each of sources.split('; ')) assert.match(each, SOURCE, names[0]);
    for (const [, link = ''] of sources.matchAll(/\]\((.*?)\)(?:;|$)/g))
      assert.ok(existsSync(new URL(`docs/${link}`, ROOT)), link);
  }
});

test('each word, or another name of it, is in a page or in what a command prints', async () => {
  const texts = await textsForUsers();
  const unused = ROWS.filter(({ names }) => !names.some((name) => texts.includes(name.toLowerCase())));
  assert.deepEqual(
    unused.map(({ names }) => names.join(', ')),
    [],
  );
});
