// Where events are read: from the first daemon that reports them, otherwise from an archive.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EVENT_TIME, guardEvent } from '../../../test/support/event-archive-cases.ts';
import { SimEventArchive } from '../../../test/support/sim/event-archive.ts';
import type { ErrorCode } from '../../base/error-catalog.ts';
import { PortreeveError } from '../../base/errors.ts';
import { EVENT_PAGE_MAX } from '../../base/limits.ts';
import type { EventsRequest } from './events-request.ts';
import { type EventsDeps, type EventsPlace, latestEvents, readEvents } from './read-events.ts';

const PLACE: EventsPlace = { runtime: undefined, state: undefined };
const REQUEST: EventsRequest = { isFollowing: false };

/** Daemons by directory: their lines, or the code of an error. */
type Daemons = Readonly<Record<string, readonly string[] | ErrorCode>>;

function reading(daemons: Daemons, request = REQUEST, place = PLACE, archives: readonly string[] = []) {
  const tried: string[] = [];
  const archive = new SimEventArchive();
  archive.append([guardEvent()], EVENT_TIME);
  const deps: EventsDeps = {
    daemonLines: async function* (directory, _path, isNamed) {
      tried.push(isNamed ? `${directory} named` : directory);
      const answer = daemons[directory] ?? 'DAEMON_ABSENT';
      if (typeof answer === 'string') throw new PortreeveError(answer, `${directory}: ${answer}`);
      yield* answer;
    },
    archiveIn: (state) => {
      tried.push(`archive ${state}`);
      return archive;
    },
    hasArchive: (state) => archives.includes(state),
    runtimes: ['/own', '/system'],
    states: ['/own-state', '/state'],
  };
  const lines = async () => {
    const read: string[] = [];
    for await (const line of readEvents(deps, request, place)) read.push(line);
    return read;
  };
  return { tried, lines, deps };
}

const failsWith =
  (expected: string, message = /./) =>
  (thrown: unknown) =>
    thrown instanceof PortreeveError && thrown.code === expected && message.test(thrown.message);

describe('the daemon', () => {
  test('of the user comes first, then that of the system', async () => {
    const own = reading({ '/own': ['a'], '/system': ['b'] });
    assert.deepEqual([await own.lines(), own.tried], [['a'], ['/own']]);
    const system = reading({ '/own': 'RUNTIME_DIRECTORY', '/system': ['b'] });
    assert.deepEqual([await system.lines(), system.tried], [['b'], ['/own', '/system']]);
  });

  test('that was named is the only one, and its archive is not read', async () => {
    const named = reading({ '/other': 'DAEMON_DENIED' }, REQUEST, { ...PLACE, runtime: '/other' });
    await assert.rejects(named.lines(), failsWith('DAEMON_ABSENT', /DAEMON_DENIED/));
    assert.deepEqual(named.tried, ['/other named']);
  });

  test('that has answered and then stops is not skipped', async () => {
    const broken = reading({ '/own': 'DAEMON_ENDED', '/system': ['b'] });
    await assert.rejects(broken.lines(), failsWith('DAEMON_ENDED'));
  });

  test('is required for following events', async () => {
    const following = { isFollowing: true };
    const absent = reading({}, following);
    await assert.rejects(absent.lines(), failsWith('DAEMON_ABSENT', /\/own: .*\n.*\/system: /));
    await assert.rejects(
      reading({}, following, { ...PLACE, state: '/named' }).lines(),
      failsWith('FOLLOW_ARCHIVE'),
    );
  });
});

describe('the archive', () => {
  test('is read where there is no daemon: that of the user if there is one', async () => {
    const system = reading({});
    assert.equal((await system.lines()).length, 1);
    assert.deepEqual(system.tried, ['/own', '/system', 'archive /state']);
    const own = reading({}, REQUEST, PLACE, ['/own-state']);
    await own.lines();
    assert.equal(own.tried.at(-1), 'archive /own-state');
  });

  test('that was named is read, and no daemon is asked', async () => {
    const named = reading({ '/own': ['a'] }, REQUEST, { ...PLACE, state: '/named' });
    const [line = ''] = await named.lines();
    assert.equal(JSON.parse(line).number, 1);
    assert.deepEqual(named.tried, ['archive /named']);
  });
});

test('the latest events of a port are those of a day, or of a shorter time if there are too many', async () => {
  const counts = [EVENT_PAGE_MAX + 1, 2];
  const moments: (string | null)[] = [];
  const daemonLines: EventsDeps['daemonLines'] = async function* (_directory, path) {
    const count = counts[moments.length] ?? 0;
    moments.push(new URLSearchParams(path.split('?')[1]).get('since'));
    for (let number = 1; number <= count; number++) yield JSON.stringify({ number });
  };
  const deps = { ...reading({}).deps, daemonLines };
  const events = await latestEvents(deps, 80, EVENT_TIME, PLACE);
  const hoursBefore = [24, 1].map((hours) => new Date(EVENT_TIME - hours * 3_600_000).toISOString());
  assert.deepEqual([events.map(({ number }) => number), moments], [[1, 2], hoursBefore]);
});
