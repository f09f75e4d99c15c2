// Events on status.sock: which client sees what, page by page, as they happen, and how many clients there may be.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { type IncomingMessage, request, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { EVENT_TIME, guardEvent, LOST } from '../../../test/support/event-archive-cases.ts';
import { needs, probe } from '../../../test/support/probe.ts';
import { inTime, until } from '../../../test/support/sandbox.ts';
import { SimEventArchive } from '../../../test/support/sim/event-archive.ts';
import { PEERS } from '../../../test/support/unix-peers.ts';
import { PortreeveError } from '../../base/errors.ts';
import { EVENT_PAGE_MAX, EVENT_READERS_MAX, EVENT_READERS_PER_USER_MAX } from '../../base/limits.ts';
import { StatusServer } from '../../kit/status-server.ts';
import { EVENTS_PATH, eventLine, eventsPath } from '../app/events-request.ts';
import { EventFeed, type EventFeedDeps } from './event-feed.ts';

const UID = process.getuid?.() ?? -1;

/** A feed on a socket, and functions to query it. */
async function served(
  t: TestContext,
  {
    maySeeAll = true,
    archive = new SimEventArchive(),
    ...deps
  }: { maySeeAll?: boolean; archive?: SimEventArchive } & Pick<EventFeedDeps, 'shareOf' | 'stallMs'> = {},
) {
  const directory = mkdtempSync(join(tmpdir(), 'event-feed-'));
  t.after(() => rmSync(directory, { recursive: true }));
  chmodSync(directory, 0o755);
  const path = join(directory, 'status.sock');
  const feed = new EventFeed({ archive, maySeeAll: () => maySeeAll, ...deps });
  const responses: ServerResponse[] = [];
  const answer: typeof feed.answer = (request, response) => {
    responses.push(response);
    feed.answer(request, response);
  };
  const server = new StatusServer(path, {}, { [EVENTS_PATH]: answer }, PEERS);
  await server.open();
  t.after(() => server.close());
  const ask = async (target: string): Promise<IncomingMessage> => {
    const asking = request({ socketPath: path, path: target, agent: false });
    t.after(() => asking.destroy());
    // A client that disconnects in the middle causes an error here as well.
    asking.on('error', () => undefined);
    asking.end();
    const [response] = await once(asking, 'response');
    return response;
  };
  const add = (...events: Parameters<typeof archive.append>[0][number][]) => {
    archive.append(events, EVENT_TIME);
    feed.recorded();
  };
  return { archive, feed, path, ask, add, responses };
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  return text;
}

const numbersIn = (text: string): number[] =>
  text
    .trim()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line).number);

/** The next lines, as event numbers, until there are this many. */
async function next(lines: AsyncIterator<unknown>, count: number): Promise<number[]> {
  let text = '';
  while (text.split('\n').length <= count) {
    const { value, done } = await inTime(`${count} lines after ${text}`, lines.next());
    assert.ok(!done, `ended after ${text}`);
    text += value;
  }
  return numbersIn(text);
}

test('sends each as a line of JSON, with null for what is unknown', async (t) => {
  const { ask, add } = await served(t);
  add(guardEvent(), LOST);
  const response = await ask(EVENTS_PATH);
  assert.deepEqual([response.statusCode, response.headers['content-type']], [200, 'application/x-ndjson']);
  const lines = (await textOf(response)).trimEnd().split('\n');
  assert.deepEqual(
    lines.map((line) => JSON.parse(line)),
    [eventLine({ number: 1, ...guardEvent() }), eventLine({ number: 2, ...LOST })],
  );
  const { kind, count, ...others } = JSON.parse(lines[1] ?? '');
  assert.deepEqual([kind, count, others.time], ['lost', 4711, '2026-01-01T00:00:00.123Z']);
  assert.deepEqual(new Set(Object.values({ ...others, number: null, time: null })), new Set([null]));
});

test('sends many thousands, in order', async (t) => {
  const { ask, add } = await served(t);
  add(...Array.from({ length: 3210 }, () => guardEvent()));
  const numbers = numbersIn(await textOf(await ask(EVENTS_PATH)));
  assert.deepEqual(
    numbers,
    Array.from({ length: 3210 }, (_, i) => i + 1),
  );
});

test('no events are an empty response', async (t) => {
  const { ask } = await served(t);
  assert.equal(await textOf(await ask(EVENTS_PATH)), '');
});

describe('a client that may not see all events sees its own', () => {
  test('of those in the archive, and of later ones', async (t) => {
    const { ask, add } = await served(t, { maySeeAll: false });
    add(guardEvent({ uid: UID }), guardEvent({ uid: UID + 1 }), LOST);
    assert.deepEqual(numbersIn(await textOf(await ask(EVENTS_PATH))), [1]);
    const response = await ask(eventsPath({ isFollowing: true, sinceMs: 0 }));
    const lines = response.setEncoding('utf8')[Symbol.asyncIterator]();
    assert.deepEqual(await next(lines, 1), [1]);
    add(guardEvent({ uid: UID + 1 }), guardEvent({ uid: UID }));
    assert.deepEqual(await next(lines, 1), [5]);
  });

  test('a client that the kernel does not identify sees nothing', (t) => {
    const feed = new EventFeed({ archive: new SimEventArchive(), maySeeAll: () => true });
    const response = { writeHead: t.mock.fn(), end: t.mock.fn() };
    Reflect.apply(feed.answer, undefined, [{ url: EVENTS_PATH, socket: {} }, response]);
    assert.equal(response.writeHead.mock.calls[0]?.arguments[0], 403);
  });
});

describe('following', () => {
  test('sends those since a time, and then new ones', async (t) => {
    const { ask, add } = await served(t);
    add(guardEvent(), guardEvent({ timeMs: EVENT_TIME + 1 }));
    const response = await ask(eventsPath({ isFollowing: true, sinceMs: EVENT_TIME + 1 }));
    const lines = response.setEncoding('utf8')[Symbol.asyncIterator]();
    assert.deepEqual(await next(lines, 1), [2]);
    add(guardEvent({ timeMs: EVENT_TIME + 2 }));
    assert.deepEqual(await next(lines, 1), [3]);
  });

  test('sends only new ones without a time', async (t) => {
    const { ask, add } = await served(t);
    add(guardEvent());
    const response = await ask(eventsPath({ isFollowing: true }));
    const lines = response.setEncoding('utf8')[Symbol.asyncIterator]();
    add(guardEvent());
    assert.deepEqual(await next(lines, 1), [2]);
    add(guardEvent(), guardEvent());
    assert.deepEqual(await next(lines, 2), [3, 4]);
  });

  test('skips those that do not match', async (t) => {
    const { ask, add } = await served(t);
    const ports = [{ first: 53, last: 53, protocol: 'udp' }] as const;
    const response = await ask(eventsPath({ isFollowing: true, ports, job: 'WEB' }));
    const lines = response.setEncoding('utf8')[Symbol.asyncIterator]();
    const fitting = guardEvent({ port: 53, protocol: 'udp', job: 'WEB' });
    add(guardEvent(), { ...fitting, port: 54 }, { ...fitting, protocol: 'tcp' }, { ...fitting, job: 'MAIL' });
    add(fitting);
    assert.deepEqual(await next(lines, 1), [5]);
  });

  test('a client that reads nothing for a while misses nothing', async (t) => {
    const { ask, add } = await served(t);
    const response = await ask(eventsPath({ isFollowing: true }));
    const count = 20_000;
    for (let i = 0; i < count; i += 1000) {
      add(...Array.from({ length: 1000 }, () => guardEvent()));
      await new Promise(setImmediate);
    }
    const numbers = await next(response.setEncoding('utf8')[Symbol.asyncIterator](), count);
    assert.deepEqual([numbers.length, numbers[0], numbers.at(-1)], [count, 1, count]);
  });
});

test('the archive is not read further for a client that reads nothing', async (t) => {
  const { archive, ask } = await served(t);
  const pages = 40;
  archive.append(
    Array.from({ length: pages * EVENT_PAGE_MAX }, () => guardEvent()),
    EVENT_TIME,
  );
  const read = t.mock.method(archive, 'read');
  const response = await ask(EVENTS_PATH);
  // What the socket buffers take is read, and nothing beyond it.
  assert.ok(read.mock.callCount() < pages / 2, `${read.mock.callCount()} pages were read`);
  assert.equal(numbersIn(await textOf(response)).length, pages * EVENT_PAGE_MAX);
  assert.ok(read.mock.callCount() > pages);
});

describe('the number of clients', () => {
  test('is limited in total, and a client that disconnects makes room', async (t) => {
    if (UID !== 0) return t.skip('needs root (uid 0), because the lower limit applies to other users');
    const { ask } = await served(t);
    const follow = () => ask(eventsPath({ isFollowing: true }));
    const responses = await Promise.all(Array.from({ length: EVENT_READERS_MAX }, follow));
    assert.ok(responses.every(({ statusCode }) => statusCode === 200));
    const refused = await follow();
    assert.equal(refused.statusCode, 503);
    assert.match(JSON.parse(await textOf(refused)).error, /too many/);
    responses[0]?.destroy();
    await until('room for another', async () => (await follow()).statusCode === 200);
  });

  test("users without a place get one of the users who have most, and none of root's", async (t) => {
    let user = '0';
    const shareOf = () => ({ party: user === 'root' ? ('root' as const) : ('users' as const), user });
    const { ask } = await served(t, { shareOf });
    const followers: IncomingMessage[] = [];
    for (let i = 0; i < EVENT_READERS_MAX; i++) {
      user = `${i}`;
      followers.push(await ask(eventsPath({ isFollowing: true })));
    }
    const [oldest] = followers;
    assert.ok(oldest);
    const broken = new Promise((resolve) => oldest.on('error', resolve).resume());
    for (const newcomer of ['root', '1000']) {
      user = newcomer;
      assert.equal((await ask(eventsPath({ isFollowing: true }))).statusCode, 200);
    }
    await inTime('the oldest to be cut off', broken);
  });

  test('a client that does not read what is pending is disconnected, and one that only waits is not', async (t) => {
    const { ask, add, responses } = await served(t, { stallMs: 50 });
    await ask(eventsPath({ isFollowing: true }));
    const idle = await ask(
      eventsPath({ isFollowing: true, ports: [{ first: 7, last: 7, protocol: undefined }] }),
    );
    const [waiting] = responses;
    assert.ok(waiting);
    const broken = once(waiting, 'close');
    for (let i = 0; i < 20; i++) {
      add(...Array.from({ length: 1000 }, () => guardEvent()));
      await new Promise(setImmediate);
    }
    await inTime('the one that waits to be cut off', broken);
    add(guardEvent({ port: 7 }));
    const [text] = await inTime('the event', once(idle.setEncoding('utf8'), 'data'));
    assert.equal(JSON.parse(text).port, 7);
  });

  test('for one user who is not root, while root also reads', async (t) => {
    if (!needs(t, probe.root())) return;
    const { ask, path } = await served(t, { maySeeAll: false });
    const script = `
      process.setgid(65534); process.setuid(65534);
      const { request } = require('node:http');
      const [socketPath, path, times] = process.argv.slice(1);
      const statuses = [];
      const ask = () => request({ socketPath, path, agent: false }, ({ statusCode }) => {
        statuses.push(statusCode);
        if (statuses.length < times) ask();
        else console.log(statuses.join());
      }).end();
      ask();`;
    const args = ['-e', script, path, eventsPath({ isFollowing: true }), `${EVENT_READERS_PER_USER_MAX + 1}`];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    t.after(() => child.kill('SIGKILL'));
    const [statuses] = await inTime('the answers', once(child.stdout.setEncoding('utf8'), 'data'));
    assert.equal(statuses.trim(), [...new Array(EVENT_READERS_PER_USER_MAX).fill(200), 503].join());
    assert.equal((await ask(EVENTS_PATH)).statusCode, 200);
  });
});

describe('invalid requests', () => {
  const cases: Record<string, [parameters: string, expected: RegExp]> = {
    'an unknown parameter': ['user=1', /no parameter user; use follow, since, job, protocol, port/],
    'a time that is not valid': ['since=yesterday', /"yesterday" is not a value of since/],
    'a port that is not valid': ['port=65536', /is not a value of port/],
    'a protocol without ports': ['protocol=icmp', /is not a value of protocol/],
    'a value other than yes': ['follow=0', /is not a value of follow/],
    'no job': ['job=', /is not a value of job/],
    'a name that every object has': ['constructor=1', /no parameter constructor/],
  };
  for (const [name, [parameters, expected]] of Object.entries(cases)) {
    test(name, async (t) => {
      const { ask } = await served(t);
      const response = await ask(`${EVENTS_PATH}?${parameters}`);
      assert.equal(response.statusCode, 400);
      assert.match(JSON.parse(await textOf(response)).error, expected);
    });
  }

  test('valid requests are understood', async (t) => {
    const { ask, add } = await served(t);
    add(guardEvent(), guardEvent({ timeMs: EVENT_TIME + 1 }));
    const request = {
      isFollowing: false,
      sinceMs: EVENT_TIME + 1,
      job: 'ALICE',
      protocol: 'tcp',
      port: 80,
    } as const;
    assert.deepEqual(numbersIn(await textOf(await ask(eventsPath(request)))), [2]);
  });
});

test('an archive that cannot be read is reported', async (t) => {
  class Broken extends SimEventArchive {
    override read(): never {
      throw new PortreeveError('ARCHIVE_CORRUPT', 'events.db is damaged');
    }
  }
  const { ask } = await served(t, { archive: new Broken() });
  const response = await ask(EVENTS_PATH);
  assert.equal(response.statusCode, 500);
  assert.match(JSON.parse(await textOf(response)).error, /events.db is damaged/);
});
