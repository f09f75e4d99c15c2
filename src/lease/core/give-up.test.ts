// Which systems to leave out where nothing is left: as few as can be, and enough.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { type Iana, loadIana } from '../../names/core/iana.ts';
import { ServiceNames } from '../../names/core/services.ts';
import type { Stack } from '../../names/core/stack.ts';
import { STACKS, stacksNamed } from '../../names/core/stacks.ts';
import { giveUp } from './give-up.ts';
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
    kept: [],
    iana,
    services,
    reservations: [],
    sockets: [],
  };
}

const named = (...words: readonly string[]) => words.flatMap((word) => stacksNamed(word) ?? []);
const ids = (stacks: readonly Stack[] | undefined) => stacks?.map(({ id }) => id);
const request = (count: number, size = 1) => ({ count, size, near: undefined, name: undefined });

test('of all systems those are to go that give away every port from 1024 on, with OpenBSD', () => {
  const { choices, giveUp: answer } = suggest(request(1), constraints(STACKS));
  assert.deepEqual(choices, []);
  assert.deepEqual(ids(answer?.systems), ['openbsd', 'zos', 'irix', 'vos-stcp-old']);
  assert.ok(answer && answer.left > 1000);
});

test('without them there is what was said, and it begins where it was said', () => {
  for (const [count, size] of [
    [1, 1],
    [1, 100],
    [3, 30],
  ] as const) {
    const { giveUp: answer } = suggest(request(count, size), constraints(STACKS));
    assert.ok(answer && answer.left >= count);
    const left = constraints(STACKS.filter((stack) => !answer.systems.includes(stack)));
    const all = suggest({ ...request(answer.left, size), near: answer.example }, left);
    assert.equal(all.choices[0]?.first, answer.example);
    assert.ok(all.choices.length >= count);
  }
});

test('no fewer systems will do', () => {
  const of = named('irix', 'openbsd', 'freebsd', 'windows-2003');
  const { giveUp: answer } = suggest(request(1), constraints(of));
  assert.ok(answer);
  for (let set = 0; set < 1 << of.length; set++) {
    const leftOut = of.filter((_, at) => (set & (1 << at)) !== 0);
    const left = suggest(request(1), constraints(of.filter((stack) => !leftOut.includes(stack)))).choices
      .length;
    if (left > 0) assert.ok(leftOut.length >= answer.systems.length, `${ids(leftOut)}`);
  }
});

test('of sets that are as small one of rarer systems goes', () => {
  // One of them gives away what the other one keeps.
  const { giveUp: answer } = suggest(request(1), constraints(named('openbsd', 'windows', 'bsd')));
  assert.deepEqual(ids(answer?.systems), ['openbsd']);
});

test('this host may be what is in the way', () => {
  const of = constraints(named('linux'), { first: 1024, last: 65_535 });
  const answer = giveUp(request(1), of, new Obstacles(of));
  assert.deepEqual([ids(answer?.systems), answer?.host], [[], true]);
});

test('where assignments and pools leave no room, no system is to blame', () => {
  const of = constraints(STACKS);
  assert.equal(giveUp(request(1, 5000), of, new Obstacles(of)), undefined);
  assert.equal(suggest(request(1, 5000), constraints([])).giveUp, undefined);
});

test('every system, and this host, has a bit of its own in 31', () => assert.ok(STACKS.length < 31));
