// The systems to exclude if too few ports are left: the fewest that suffice.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { loadIana } from '../../names/commands/deps.ts';
import type { Iana } from '../../names/core/iana.ts';
import { ServiceNames } from '../../names/core/services.ts';
import type { Stack } from '../../names/core/stack.ts';
import { STACKS, stacksNamed } from '../../names/core/stacks.ts';
import { findExclusion } from './exclusion.ts';
import { type Constraints, Obstacles } from './obstacles.ts';
import { suggest } from './suggest.ts';

let iana: Iana;
before(async () => {
  iana = await loadIana();
});

function constraints(systems: readonly Stack[], ephemeral?: Constraints['ephemeral']): Constraints {
  const services = new ServiceNames([]);
  return {
    protocols: ['tcp', 'udp'],
    systems,
    ephemeral,
    reserved: [],
    iana,
    services,
    reservations: [],
    sockets: [],
  };
}

const named = (...words: readonly string[]) => words.flatMap((word) => stacksNamed(word) ?? []);
const ids = (stacks: readonly Stack[] | undefined) => stacks?.map(({ id }) => id);
const request = (count: number, size = 1) => ({ count, size, near: undefined, name: undefined });

test('excludes the systems whose ephemeral ranges cover every port from 1024 on', () => {
  const { choices, exclusion: answer } = suggest(request(1), constraints(STACKS));
  assert.deepEqual(choices, []);
  assert.deepEqual(ids(answer?.systems), ['openbsd', 'zos', 'irix', 'vos-stcp-old']);
  assert.ok(answer && answer.available > 1000);
});

test('excluding them leaves the reported number of ports, from the reported port on', () => {
  for (const [count, size] of [
    [1, 1],
    [1, 100],
    [3, 30],
  ] as const) {
    const { exclusion: answer } = suggest(request(count, size), constraints(STACKS));
    assert.ok(answer && answer.available >= count);
    const available = constraints(STACKS.filter((stack) => !answer.systems.includes(stack)));
    const all = suggest({ ...request(answer.available, size), near: answer.example }, available);
    assert.equal(all.choices[0]?.first, answer.example);
    assert.ok(all.choices.length >= count);
  }
});

test('no smaller set of systems suffices', () => {
  const of = named('irix', 'openbsd', 'freebsd', 'windows-2003');
  const { exclusion: answer } = suggest(request(1), constraints(of));
  assert.ok(answer);
  for (let set = 0; set < 1 << of.length; set++) {
    const excluded = of.filter((_, at) => (set & (1 << at)) !== 0);
    const available = suggest(request(1), constraints(of.filter((stack) => !excluded.includes(stack))))
      .choices.length;
    if (available > 0) assert.ok(excluded.length >= answer.systems.length, `${ids(excluded)}`);
  }
});

test('of equally small sets prefers rarer systems', () => {
  // Their ranges are complementary.
  const { exclusion: answer } = suggest(request(1), constraints(named('openbsd', 'windows', 'bsd')));
  assert.deepEqual(ids(answer?.systems), ['openbsd']);
});

test('may exclude this host', () => {
  const of = constraints(named('linux'), { first: 1024, last: 65_535 });
  const answer = findExclusion(request(1), of, new Obstacles(of));
  assert.deepEqual([ids(answer?.systems), answer?.host], [[], true]);
});

test('is undefined if excluding systems does not help', () => {
  const of = constraints(STACKS);
  assert.equal(findExclusion(request(1, 5000), of, new Obstacles(of)), undefined);
  assert.equal(suggest(request(1, 5000), constraints([])).exclusion, undefined);
});

test('31 bits suffice for every system and this host', () => assert.ok(STACKS.length < 31));
