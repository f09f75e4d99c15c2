// Ports to choose: none that anybody else gets, held against a plain account of who gets which.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import fc from 'fast-check';
import { parseIp } from '../../base/address.ts';
import type { OpenSocket } from '../../base/open-socket.ts';
import { PORT_MAX, type Port, type Protocol } from '../../base/port.ts';
import { BAD_PORTS } from '../../names/core/browser-ports.ts';
import { DEFAULT_RANGES } from '../../names/core/default-ranges.ts';
import { type Iana, loadIana } from '../../names/core/iana.ts';
import { parseServices, ServiceNames } from '../../names/core/services.ts';
import type { Stack } from '../../names/core/stack.ts';
import { STACKS, stacksNamed } from '../../names/core/stacks.ts';
import type { Reservation } from '../../profile/core/rules.ts';
import { type Constraints, Obstacles } from './obstacles.ts';
import { type PortRequest, suggest } from './suggest.ts';

let iana: Iana;
/** Ports that IANA has given away, or keeps. */
const notFree: Record<Protocol, number[]> = { tcp: [], udp: [] };
before(async () => {
  iana = await loadIana();
  for (const protocol of BOTH) {
    for (let at = 1024; at < 49_152; at++)
      if (iana.entries(at, protocol).some(({ status }) => status !== 'unassigned'))
        notFree[protocol].push(at);
  }
});

const BOTH: readonly Protocol[] = ['tcp', 'udp'];
const EPHEMERAL = { first: 32_768, last: 60_999 };
const ONE: PortRequest = { count: 1, size: 1, near: undefined, name: undefined };
const today = stacksNamed('today') ?? [];

function constraints(changes: Partial<Constraints> = {}): Constraints {
  return {
    protocols: BOTH,
    systems: today,
    ephemeral: EPHEMERAL,
    kept: [],
    iana,
    services: new ServiceNames([]),
    reservations: [],
    sockets: [],
    ...changes,
  };
}

function socket(protocol: Protocol, port: number, state: OpenSocket['state'] = 'LISTEN'): OpenSocket {
  return {
    protocol,
    state,
    local: { address: parseIp('127.0.0.1') ?? assert.fail(), port },
    remote: undefined,
    v6Only: false,
    interfaceIndex: 0,
    uid: 0,
    inode: 4711,
    cgroupId: undefined,
    expiresMs: undefined,
  };
}

function reservation(protocol: Protocol, first: number, last: number): Reservation {
  const source = { file: 'profile.tcpip', line: 3, text: '' };
  const options = { autolog: true };
  const use = { kind: 'JOB', pattern: 'WEB' } as const;
  return {
    protocol,
    first: first as Port,
    last: last as Port,
    isRange: first !== last,
    use,
    options,
    source,
  };
}

/** Every port that must not be chosen, put together range by range. */
function forbidden(of: Constraints): Set<number> {
  const ports = new Set<number>();
  const add = (first: number, last: number) => {
    for (let port = first; port <= last; port++) ports.add(port);
  };
  add(0, 1023);
  for (const range of [...of.kept, ...(of.ephemeral ? [of.ephemeral] : [])]) add(range.first, range.last);
  for (const protocol of of.protocols) {
    for (const { ephemeral } of of.systems) add(ephemeral[protocol].first, ephemeral[protocol].last);
    for (const pool of DEFAULT_RANGES) if (pool.protocols.includes(protocol)) add(pool.first, pool.last);
    for (const each of of.reservations) if (each.protocol === protocol) add(each.first, each.last);
    for (const each of of.sockets) if (each.protocol === protocol) ports.add(each.local.port);
    for (const at of notFree[protocol]) ports.add(at);
    for (const each of of.services.entries) if (each.protocol === protocol) ports.add(each.port);
  }
  for (const port of BAD_PORTS.keys()) ports.add(port);
  return ports;
}

const port = fc.integer({ min: 1, max: PORT_MAX });
const range = fc.tuple(port, fc.integer({ min: 0, max: 200 })).map(([first, more]) => ({
  first,
  last: Math.min(PORT_MAX, first + more),
}));
const protocol = fc.constantFrom<Protocol>('tcp', 'udp');
const constraintSets = fc
  .record({
    protocols: fc.constantFrom<readonly Protocol[]>(BOTH, ['tcp'], ['udp']),
    systems: fc.oneof(fc.constant(today), fc.subarray<Stack>([...STACKS])),
    ephemeral: fc.option(range, { nil: undefined }),
    kept: fc.array(range, { maxLength: 3 }),
    services: fc.array(fc.tuple(port, protocol), { maxLength: 5 }),
    reserved: fc.array(fc.tuple(range, protocol), { maxLength: 3 }),
    held: fc.array(fc.tuple(port, protocol), { maxLength: 20 }),
  })
  .map(({ services, reserved, held, ...rest }) =>
    constraints({
      ...rest,
      services: new ServiceNames(parseServices(services.map(([at, of]) => `x${at} ${at}/${of}`).join('\n'))),
      reservations: reserved.map(([{ first, last }, of]) => reservation(of, first, last)),
      sockets: held.map(([at, of]) => socket(of, at)),
    }),
  );
const wishes = fc.record({
  count: fc.integer({ min: 1, max: 20 }),
  size: fc.constantFrom(1, 1, 2, 7, 30),
  near: fc.option(port, { nil: undefined }),
  name: fc.option(fc.constantFrom('web', 'orders', 'x'), { nil: undefined }),
});

test('something speaks against a port exactly if somebody else gets it: all ports', () => {
  fc.assert(
    fc.property(constraintSets, (of) => {
      const wrong = forbidden(of);
      const obstacles = new Obstacles(of);
      for (let at = 1; at <= PORT_MAX; at++) {
        if (obstacles.isFree(at) === wrong.has(at)) assert.fail(`${at}`);
        if (obstacles.at(at).length > 0 !== wrong.has(at)) assert.fail(`${at}`);
        if (obstacles.isNobodys(at) !== (obstacles.others(at).length === 0)) assert.fail(`${at}`);
      }
    }),
    { numRuns: 3 },
  );
});

test('no port is chosen that somebody else gets, and none twice; what was passed over had a reason', () => {
  fc.assert(
    fc.property(constraintSets, wishes, (of, request) => {
      const wrong = forbidden(of);
      const { choices, passedOver, passedOverCount, giveUp } = suggest(request, of);
      const seen = new Set<number>();
      for (const { first, last, givenBy } of choices) {
        assert.equal(last - first + 1, request.size);
        for (let at = first; at <= last; at++) {
          assert.ok(!wrong.has(at) && !seen.has(at), `${at}`);
          seen.add(at);
        }
        for (const stack of givenBy) assert.ok(!of.systems.includes(stack));
      }
      assert.ok(choices.length <= request.count);
      assert.ok(choices.length === request.count || !isThereMore(request, wrong, seen));
      assert.equal(giveUp === undefined || choices.length < request.count, true);
      assert.ok(passedOver.length === Math.min(100, passedOverCount));
      for (const { port: at, obstacles } of passedOver) assert.ok(wrong.has(at) && obstacles.length > 0);
    }),
    { numRuns: 40 },
  );
});

/** Whether a block of the size that was asked for is free and was not chosen. */
function isThereMore(
  { size }: PortRequest,
  wrong: ReadonlySet<number>,
  chosen: ReadonlySet<number>,
): boolean {
  let run = 0;
  for (let at = 1024; at <= PORT_MAX; at++) {
    run = wrong.has(at) || chosen.has(at) ? 0 : run + 1;
    if (run >= size) return true;
  }
  return false;
}

describe('the order', () => {
  test('near a port: none that is nearer was left out', () => {
    const of = constraints();
    const wrong = forbidden(of);
    for (const near of [1, 1024, 5060, 8080, 9999, 65_535]) {
      const [choice] = suggest({ ...ONE, near }, of).choices;
      assert.ok(choice);
      const distance = Math.abs(choice.first - near);
      for (let at = Math.max(1024, near - distance + 1); at < Math.min(PORT_MAX + 1, near + distance); at++)
        assert.ok(wrong.has(at), `${at}`);
    }
  });

  test('without one, those first that the fewest systems give to clients', () => {
    const of = constraints({ systems: [] });
    const given = suggest({ ...ONE, count: 50 }, of).choices.map(({ givenBy }) => givenBy.length);
    assert.deepEqual(
      given,
      given.toSorted((a, b) => a - b),
    );
    assert.equal(
      given[0],
      STACKS.filter((stack) => ['openbsd', 'zos', 'irix', 'vos-stcp-old'].includes(stack.id)).length,
    );
  });

  test('a name has the same ports again, and another name has others', () => {
    const firstOf = (name: string, of = constraints()) => suggest({ ...ONE, name }, of).choices[0]?.first;
    assert.equal(firstOf('orders'), firstOf('orders'));
    const names = Array.from({ length: 30 }, (_, at) => `service-${at}`);
    assert.ok(new Set(names.map((name) => firstOf(name))).size > 25);
  });

  test('a name keeps its port when another port is taken, and gets its next one when its own is', () => {
    const [first, second] = suggest({ ...ONE, count: 2, name: 'orders' }, constraints()).choices;
    assert.ok(first && second);
    const next = (taken: number) =>
      suggest({ ...ONE, name: 'orders' }, constraints({ sockets: [socket('tcp', taken)] }));
    assert.equal(next(second.first).choices[0]?.first, first.first);
    const { choices, passedOver } = next(first.first);
    assert.equal(choices[0]?.first, second.first);
    const [passed] = passedOver.filter(({ port: at }) => at === first.first);
    assert.deepEqual(
      passed?.obstacles.map(({ kind }) => kind),
      ['held'],
    );
  });
});

describe('what speaks against a port', () => {
  const kindsAt = (at: number, changes: Partial<Constraints> = {}) =>
    new Obstacles(constraints({ systems: [], ephemeral: undefined, ...changes }))
      .at(at)
      .map(({ kind }) => kind);

  const cases: readonly [string, number, Partial<Constraints>, readonly string[]][] = [
    ['a system that gives it to clients', 9560, { systems: stacksNamed('openbsd') ?? [] }, ['system']],
    ['this host, which does', 9560, { ephemeral: { first: 9560, last: 9560 } }, ['host']],
    ['a socket, whatever its state', 9560, { sockets: [socket('udp', 9560, 'TIME_WAIT')] }, ['held']],
    ['a reservation', 9560, { reservations: [reservation('tcp', 9550, 9570)] }, ['profile']],
    ['a list of reserved ports', 9560, { kept: [{ first: 9560, last: 9561 }] }, ['kept']],
    ['a line of /etc/services', 9560, { services: new ServiceNames(parseServices('x 9560/udp')) }, ['named']],
    ['IANA, for both protocols', 8080, {}, ['iana', 'iana']],
    ['a pool', 9310, {}, ['iana', 'iana', 'pool']],
    ['browsers', 6697, {}, ['iana', 'iana', 'browser']],
    ['that it is low', 4, {}, ['low']],
    ['that it is in a pool of one protocol', 60_500, {}, ['pool', 'pool', 'pool']],
    ['nothing', 9560, {}, []],
  ];
  for (const [name, at, changes, kinds] of cases)
    test(`${name}: ${at}`, () => assert.deepEqual(kindsAt(at, changes), kinds));

  test('a port of the profile that the guard keeps from clients is told once', () => {
    const changes = { reservations: [reservation('tcp', 9560, 9560)], kept: [{ first: 9560, last: 9560 }] };
    assert.deepEqual(kindsAt(9560, changes), ['profile']);
  });

  test('only what concerns the protocol counts', () => {
    const sockets = [socket('udp', 9560)];
    assert.deepEqual(kindsAt(9560, { sockets, protocols: ['tcp'] }), []);
    assert.deepEqual(kindsAt(9560, { sockets, protocols: ['udp'] }), ['held']);
  });
});
