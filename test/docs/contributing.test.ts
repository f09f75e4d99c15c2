/** CONTRIBUTING.md names files, npm scripts and functions that exist. */

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ROOT } from '../support/files.ts';

const PAGE = readFileSync(new URL('CONTRIBUTING.md', ROOT), 'utf8');
const FEATURES = readdirSync(new URL('src', ROOT));
const exists = (path: string): boolean => existsSync(new URL(path, ROOT));

test('the files and folders that it names exist', () => {
  const paths = [...PAGE.matchAll(/`((?:src|test|docs|scripts|tools|\.ci|\.github)\/[\w./<>-]+)`/g)].map(
    ([, path = '']) => path,
  );
  assert.ok(paths.length > 30);
  for (const path of paths.filter((name) => !/NAME/.test(name))) {
    const places = FEATURES.map((feature) => path.replace('<feature>', feature));
    assert.ok(places.some(exists), path);
  }
});

test('the npm scripts that it names exist', () => {
  const { scripts } = JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8'));
  const named = [...PAGE.matchAll(/\bnpm (?:run )?(test|start|[a-z]+:[a-z]+|coverage|fuzz|check|format)\b/g)];
  assert.ok(named.length > 10);
  for (const [command, name = ''] of named) assert.ok(Object.hasOwn(scripts, name), command);
});
