// The map of units: which names it contains, and the job of each.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { profileOf, tablesOf } from '../../../test/support/guard.ts';
import type { JobName } from '../../base/job.ts';
import { PROFILE_UNITS_MAX } from '../../base/limits.ts';
import type { PossibleUnit } from '../../base/unit.ts';
import { UNIT_NAME_BYTES } from './layout.ts';
import { unitEntries } from './unit-tables.ts';

const of = (unit: string, activates?: string): PossibleUnit => ({ unit, activates });

/** The names in the map, each with the bytes of its job. */
function entries(profile: string, ...units: readonly PossibleUnit[]): Map<string, Uint8Array> {
  const found = unitEntries(tablesOf(profileOf(profile)), units);
  assert.ok(found.every(({ key }) => key.length === UNIT_NAME_BYTES));
  const text = (key: Uint8Array) => Buffer.from(key).toString('latin1').replace(/\0+$/, '');
  return new Map(found.map(({ key, value }) => [text(key), value]));
}

test('a name in the profile adds a service, a socket, and the instances of a template', () => {
  const names = [...entries('PORT\n 22 TCP SSH\n 5432 TCP A@B\n 80 TCP WEB*\n').keys()];
  assert.deepEqual(names.sort(), ['A@B.SERVICE', 'A@B.SOCKET', 'SSH.SERVICE', 'SSH.SOCKET', 'SSH@']);
});

test('the files of the host add their names', () => {
  const names = [...entries('', of('cron.service'), of('getty@.service'), of('a\\x2db.service')).keys()];
  assert.deepEqual(names.sort(), ['CRON.SERVICE', 'GETTY@']);
});

test('a socket is also the unit that it activates', () => {
  const tables = tablesOf(profileOf('PORT 80 TCP NGINX\n'));
  const socket = entries('PORT 80 TCP NGINX\n', of('web.socket', 'nginx.service')).get('WEB.SOCKET');
  assert.deepEqual(socket, tables.job({ name: 'WEB' as JobName, aliases: ['NGINX' as JobName] }));
  const other = entries('PORT 80 TCP NGINX\n', of('web.socket')).get('WEB.SOCKET');
  assert.deepEqual(other, tables.job({ name: 'WEB' as JobName, aliases: [] }));
});

test('an instance has the rules for all instances, but not those for another one', () => {
  const profile = `PORT
 1 TCP PG
 2 TCP PG*
 3 TCP PG@1*
 4 TCP PG@?
 5 TCP PG@
 UNRSV TCP PG@1
 UNRSV TCP PG@*
 UNRSV TCP *
`;
  const tables = tablesOf(profileOf(profile));
  const instance = tables.job({ name: 'PG@ZZ' as JobName, aliases: ['PG' as JobName] });
  const values = entries(profile);
  assert.deepEqual(values.get('PG@'), instance);
  assert.notDeepEqual(values.get('PG@1.SERVICE'), instance);
});

test('of very many names in a profile some are included, and all that have a file', () => {
  const names = Array.from({ length: PROFILE_UNITS_MAX + 2 }, (_, i) => `JOB${i}`);
  const profile = `PORT\n${names.map((name, i) => ` ${i + 1} TCP ${name}\n`).join('')}`;
  const without = names.filter((name) => entries(profile).has(`${name}.SERVICE`));
  assert.equal(without.length, PROFILE_UNITS_MAX);
  const all = entries(profile, ...names.map((name) => of(`${name}.service`)));
  assert.ok(names.every((name) => all.has(`${name}.SERVICE`)));
});

test('a name that cannot be a job, or is too long, is not included', () => {
  assert.deepEqual([...entries('', of('reserved.service'), of(`${'x'.repeat(65)}.service`)).keys()], []);
  assert.equal(entries('', of(`${'x'.repeat(64)}.service`)).size, 1);
});
