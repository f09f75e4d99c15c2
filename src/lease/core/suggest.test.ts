// Chosen ports do not conflict with anything, compared with an independent list of forbidden ports.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import fc from 'fast-check';
import { parseIp } from '../../base/address.ts';
import type { OpenSocket } from '../../base/open-socket.ts';
import { PORT_MAX, type Port, type Protocol } from '../../base/port.ts';
import { loadIana } from '../../names/commands/deps.ts';
import { BAD_PORTS } from '../../names/core/browser-ports.ts';
import { DEFAULT_RANGES } from '../../names/core/default-ranges.ts';
import type { Iana } from '../../names/core/iana.ts';
import { parseServices, ServiceNames } from '../../names/core/services.ts';
import type { Stack } from '../../names/core/stack.ts';
import { STACKS, stacksNamed } from '../../names/core/stacks.ts';
import type { Reservation } from '../../profile/core/rules.ts';
import { type Constraints, Obstacles } from './obstacles.ts';
import { type PortRequest, suggest } from './suggest.ts';

let iana: Iana;
/** Ports that IANA has assigned or reserved. */
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
    reserved: [],
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

/** Every port that must not be chosen, collected range by range. */
function forbidden(of: Constraints): Set<number> {
  const ports = new Set<number>();
  const add = (first: number, last: number) => {
    for (let port = first; port <= last; port++) ports.add(port);
  };
  add(0, 1023);
  for (const range of [...of.reserved, ...(of.ephemeral ? [of.ephemeral] : [])]) add(range.first, range.last);
  for (const protocol of of.protocols) {
    for (const { ephemeral } of of.systems) add(ephemeral[protocol].first, ephemeral[protocol].last);
    for (const each of DEFAULT_RANGES) if (each.protocols.includes(protocol)) add(each.first, each.last);
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
    reserved: fc.array(range, { maxLength: 3 }),
    services: fc.array(fc.tuple(port, protocol), { maxLength: 5 }),
    reservations: fc.array(fc.tuple(range, protocol), { maxLength: 3 }),
    inUse: fc.array(fc.tuple(port, protocol), { maxLength: 20 }),
  })
  .map(({ services, reservations, inUse, ...rest }) =>
    constraints({
      ...rest,
      services: new ServiceNames(parseServices(services.map(([at, of]) => `x${at} ${at}/${of}`).join('\n'))),
      reservations: reservations.map(([{ first, last }, of]) => reservation(of, first, last)),
      sockets: inUse.map(([at, of]) => socket(of, at)),
    }),
  );
const requests = fc.record({
  count: fc.integer({ min: 1, max: 20 }),
  size: fc.constantFrom(1, 1, 2, 7, 30),
  near: fc.option(port, { nil: undefined }),
  name: fc.option(fc.constantFrom('web', 'orders', 'x'), { nil: undefined }),
});

test('there is an obstacle exactly for the forbidden ports', () => {
  fc.assert(
    fc.property(constraintSets, (of) => {
      const wrong = forbidden(of);
      const obstacles = new Obstacles(of);
      for (let at = 1; at <= PORT_MAX; at++) {
        if (obstacles.isFree(at) === wrong.has(at)) assert.fail(`${at}`);
        if (obstacles.at(at).length > 0 !== wrong.has(at)) assert.fail(`${at}`);
        if (obstacles.isOnlyEphemeral(at) !== (obstacles.others(at).length === 0)) assert.fail(`${at}`);
      }
    }),
    { numRuns: 3 },
  );
});

test('no forbidden port is chosen, none is chosen twice, and every skipped port has a reason', () => {
  fc.assert(
    fc.property(constraintSets, requests, (of, request) => {
      const wrong = forbidden(of);
      const { choices, skipped, skippedCount, exclusion } = suggest(request, of);
      const seen = new Set<number>();
      for (const { first, last, ephemeralOn } of choices) {
        assert.equal(last - first + 1, request.size);
        for (let at = first; at <= last; at++) {
          assert.ok(!wrong.has(at) && !seen.has(at), `${at}`);
          seen.add(at);
        }
        for (const stack of ephemeralOn) assert.ok(!of.systems.includes(stack));
      }
      assert.ok(choices.length <= request.count);
      assert.ok(choices.length === request.count || !isThereMore(request, wrong, seen));
      assert.equal(exclusion === undefined || choices.length < request.count, true);
      assert.ok(skipped.length === Math.min(100, skippedCount));
      for (const { port: at, obstacles } of skipped) assert.ok(wrong.has(at) && obstacles.length > 0);
    }),
    { numRuns: 40 },
  );
});

/** Whether a block of the requested size is free and was not chosen. */
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
  test('with near, no nearer port is free', () => {
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

  test('without near, starts with ports in the ephemeral ranges of the fewest systems', () => {
    const of = constraints({ systems: [] });
    const counts = suggest({ ...ONE, count: 50 }, of).choices.map(({ ephemeralOn }) => ephemeralOn.length);
    assert.deepEqual(
      counts,
      counts.toSorted((a, b) => a - b),
    );
    assert.equal(
      counts[0],
      STACKS.filter((stack) => ['openbsd', 'zos', 'irix', 'vos-stcp-old'].includes(stack.id)).length,
    );
  });

  test('a name always has the same ports, and another name has others', () => {
    const firstOf = (name: string, of = constraints()) => suggest({ ...ONE, name }, of).choices[0]?.first;
    assert.equal(firstOf('orders'), firstOf('orders'));
    const names = Array.from({ length: 30 }, (_, at) => `service-${at}`);
    assert.ok(new Set(names.map((name) => firstOf(name))).size > 25);
  });

  test('a name keeps its port when another one is taken, and gets its next one when its own is taken', () => {
    const [first, second] = suggest({ ...ONE, count: 2, name: 'orders' }, constraints()).choices;
    assert.ok(first && second);
    const next = (taken: number) =>
      suggest({ ...ONE, name: 'orders' }, constraints({ sockets: [socket('tcp', taken)] }));
    assert.equal(next(second.first).choices[0]?.first, first.first);
    const { choices, skipped } = next(first.first);
    assert.equal(choices[0]?.first, second.first);
    const [passed] = skipped.filter(({ port: at }) => at === first.first);
    assert.deepEqual(
      passed?.obstacles.map(({ kind }) => kind),
      ['in-use'],
    );
  });
});

describe('the obstacles of a port', () => {
  const kindsAt = (at: number, changes: Partial<Constraints> = {}) =>
    new Obstacles(constraints({ systems: [], ephemeral: undefined, ...changes }))
      .at(at)
      .map(({ kind }) => kind);

  const cases: readonly [string, number, Partial<Constraints>, readonly string[]][] = [
    ['the ephemeral range of a system', 9560, { systems: stacksNamed('openbsd') ?? [] }, ['system']],
    ['the ephemeral range of this host', 9560, { ephemeral: { first: 9560, last: 9560 } }, ['host']],
    ['a socket in any state', 9560, { sockets: [socket('udp', 9560, 'TIME_WAIT')] }, ['in-use']],
    ['a reservation', 9560, { reservations: [reservation('tcp', 9550, 9570)] }, ['profile']],
    ['the kernel’s reserved ports', 9560, { reserved: [{ first: 9560, last: 9561 }] }, ['reserved']],
    [
      'a line of /etc/services',
      9560,
      { services: new ServiceNames(parseServices('x 9560/udp')) },
      ['service'],
    ],
    ['IANA, for both protocols', 8080, {}, ['iana', 'iana']],
    ['a default range', 9310, {}, ['iana', 'iana', 'default-range']],
    ['browsers', 6697, {}, ['iana', 'iana', 'browser']],
    ['a low port', 4, {}, ['low']],
    ['default ranges of one protocol', 60_500, {}, ['default-range', 'default-range', 'default-range']],
    ['nothing', 9560, {}, []],
  ];
  for (const [name, at, changes, kinds] of cases)
    test(`${name}: ${at}`, () => assert.deepEqual(kindsAt(at, changes), kinds));

  test('a port that is reserved by the profile and in the kernel is listed once', () => {
    const changes = {
      reservations: [reservation('tcp', 9560, 9560)],
      reserved: [{ first: 9560, last: 9560 }],
    };
    assert.deepEqual(kindsAt(9560, changes), ['profile']);
  });

  test('depend on the protocol', () => {
    const sockets = [socket('udp', 9560)];
    assert.deepEqual(kindsAt(9560, { sockets, protocols: ['tcp'] }), []);
    assert.deepEqual(kindsAt(9560, { sockets, protocols: ['udp'] }), ['in-use']);
  });
});
