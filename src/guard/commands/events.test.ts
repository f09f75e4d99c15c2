// `portreeve events`: from the daemon that answers, otherwise from the archive, as text and as JSON.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { capturedIo } from '../../../test/support/captured-io.ts';
import { EVENT_TIME, guardEvent, LOST } from '../../../test/support/event-archive-cases.ts';
import { inTime, until } from '../../../test/support/sandbox.ts';
import { SimEventArchive } from '../../../test/support/sim/event-archive.ts';
import { statusDaemon } from '../../../test/support/status-daemon.ts';
import { PEERS } from '../../../test/support/unix-peers.ts';
import { EVENT_DATABASE } from '../../host/linux/state-files.ts';
import { STATUS_SOCKET } from '../../kit/daemon-names.ts';
import { StatusServer } from '../../kit/status-server.ts';
import { run } from '../../main/program.ts';
import { EVENTS_PATH, eventLine } from '../app/events-request.ts';
import { EventFeed } from '../daemon/event-feed.ts';
import { SqliteEventArchive } from '../linux/event-archive.ts';

function homeOf(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'portreeve-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return directory;
}

/** The uid that runs the tests owns their directories; with another uid the command uses only that user's. */
const UID = process.getuid?.() === 0 ? 4711 : (process.getuid?.() ?? 0);

/** A user's daemon that reports events. */
async function daemon(t: TestContext) {
  const home = homeOf(t);
  mkdirSync(join(home, 'portreeve'));
  const archive = new SimEventArchive();
  const feed = new EventFeed({ archive, maySeeAll: () => true });
  const path = join(home, 'portreeve', STATUS_SOCKET);
  const server = new StatusServer(path, {}, { [EVENTS_PATH]: feed.answer }, PEERS);
  await server.open();
  t.after(() => server.close());
  const add = (...events: Parameters<typeof archive.append>[0][number][]) => {
    archive.append(events, EVENT_TIME);
    feed.recorded();
  };
  return { add, server, env: { XDG_RUNTIME_DIR: home, HOME: home }, runtime: join(home, 'portreeve') };
}

/** A user without a daemon, and the user's state directory with events. */
function archived(t: TestContext, events = [guardEvent(), LOST]) {
  const home = homeOf(t);
  const state = join(home, 'state/portreeve');
  using archive = new SqliteEventArchive(state);
  archive.append(events, EVENT_TIME);
  return { state, env: { XDG_RUNTIME_DIR: home, XDG_STATE_HOME: join(home, 'state'), HOME: home } };
}

async function runEvents(line: string, env: Readonly<Record<string, string>> = {}) {
  const io = capturedIo({ env, uid: UID });
  const code = await run(line.split(' '), io);
  return { code, stdout: io.stdout(), stderr: io.stderr() };
}

const numbersIn = (json: string): number[] =>
  json
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line).number);

describe('from the running daemon', () => {
  test('one line each, under a heading', async (t) => {
    const { add, env } = await daemon(t);
    assert.deepEqual(await runEvents('events', env), { code: 0, stdout: 'no events\n', stderr: '' });
    add(guardEvent(), LOST);
    const { code, stdout, stderr } = await runEvents('events', env);
    assert.deepEqual([code, stderr], [0, '']);
    const lines = stdout.trimEnd().split('\n');
    assert.match(lines[0] ?? '', /^TIME +VERDICT .* RULE$/);
    assert.match(lines[1] ?? '', /refused .* ALICE .* 80\/tcp .* \/etc\/portreeve\/profile.tcpip:12$/);
    assert.match(lines[2] ?? '', /lost .* 4,711 refusals/);
    assert.equal(lines.length, 3);
  });

  test('--json prints the lines of the daemon', async (t) => {
    const { add, env } = await daemon(t);
    assert.equal((await runEvents('events --json', env)).stdout, '');
    add(guardEvent(), LOST);
    const { stdout } = await runEvents('events --json', env);
    assert.deepEqual(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
      [eventLine({ number: 1, ...guardEvent() }), eventLine({ number: 2, ...LOST })],
    );
  });

  test('--since, --job and --port select events', async (t) => {
    const { add, env } = await daemon(t);
    const now = Date.now();
    add(
      guardEvent({ timeMs: now - 7_200_000 }),
      guardEvent({ timeMs: now, job: 'WEB', port: 53, protocol: 'udp' }),
    );
    const numbers = async (line: string) => numbersIn((await runEvents(`events --json ${line}`, env)).stdout);
    assert.deepEqual(await numbers('--since 1h'), [2]);
    assert.deepEqual(await numbers('--since 3h'), [1, 2]);
    assert.deepEqual(await numbers('--job web'), [2]);
    assert.deepEqual(await numbers('--port 80'), [1]);
    assert.deepEqual(await numbers('--port 53/udp'), [2]);
    assert.deepEqual(await numbers('--port 53/tcp'), []);
    assert.deepEqual(await numbers('--port domain'), [2]);
    assert.deepEqual(await numbers('--port tcp/50-60'), []);
    assert.deepEqual(await numbers('--port 50-60 --port 80'), [1, 2]);
  });

  test('--follow prints new events as they happen, and ends when the reader is gone', async (t) => {
    const { add, env } = await daemon(t);
    add(guardEvent());
    const reading = new AbortController();
    const io = { ...capturedIo({ env, uid: UID }), unread: reading.signal };
    const ended = run(['events', '--follow', '--json'], io);
    for (let number = 2; number < 4; number++) {
      // The first event may come before the daemon was asked; then it is not a new one.
      await until(`event ${number}`, () => {
        if (numbersIn(io.stdout()).length >= number - 1) return true;
        add(guardEvent());
        return false;
      });
    }
    assert.ok(!numbersIn(io.stdout()).includes(1));
    reading.abort();
    assert.equal(await inTime('the command to end', ended), 0);
  });

  test('--follow --since prints the events since then, and then new ones', async (t) => {
    const { add, env } = await daemon(t);
    const now = Date.now();
    add(guardEvent({ timeMs: now - 7_200_000 }), guardEvent({ timeMs: now }));
    const reading = new AbortController();
    const io = { ...capturedIo({ env, uid: UID }), unread: reading.signal };
    const ended = run(['events', '--follow', '--since', '1h', '--json'], io);
    await until('the event since then', () => numbersIn(io.stdout()).length === 1);
    add(guardEvent({ timeMs: now }));
    await until('the new event', () => numbersIn(io.stdout()).length === 2);
    assert.deepEqual(numbersIn(io.stdout()), [2, 3]);
    reading.abort();
    assert.equal(await inTime('the command to end', ended), 0);
  });

  test('--follow exits with 3 when the daemon ends', async (t) => {
    const { env, server, add } = await daemon(t);
    add(guardEvent({ timeMs: Date.now() }));
    const io = capturedIo({ env, uid: UID });
    const ended = run(['events', '--follow', '--since', '1h'], io);
    await until('the first event', () => io.stdout().includes('ALICE'));
    await server.close();
    assert.equal(await inTime('the command to end', ended), 3);
    assert.match(
      io.stderr(),
      /^portreeve: error\[\w+\]: the connection to .*status.sock was lost: .*\n.*portreeve status\n$/,
    );
  });

  test('--runtime asks only that daemon', async (t) => {
    const { add, runtime } = await daemon(t);
    add(guardEvent());
    const { stdout } = await runEvents(`events --json --runtime ${runtime}`);
    assert.deepEqual(numbersIn(stdout), [1]);
    const { code, stderr } = await runEvents(`events --runtime ${homeOf(t)}`);
    assert.equal(code, 3);
    assert.match(
      stderr,
      /^portreeve: error\[\w+\]: no portreeve daemon reports events:\n {2}.*\(ENOENT\)\nTo start it as root: .*\n$/,
    );
  });
});

describe('from the archive', () => {
  test('is read where no daemon answers', async (t) => {
    const { env } = archived(t);
    assert.deepEqual(numbersIn((await runEvents('events --json', env)).stdout), [1, 2]);
    assert.deepEqual(numbersIn((await runEvents('events --json --port 80/tcp', env)).stdout), [1]);
    assert.match((await runEvents('events', env)).stdout, /^TIME .*\n.*refused .*\n.*lost .*\n$/);
  });

  test('is read where a daemon answers that records none', async (t) => {
    const { env } = archived(t);
    await statusDaemon(t, env.XDG_RUNTIME_DIR);
    assert.deepEqual(numbersIn((await runEvents('events --json', env)).stdout), [1, 2]);
  });

  test('is read completely with --state, whether or not a daemon runs', async (t) => {
    const { state } = archived(
      t,
      Array.from({ length: 1234 }, () => guardEvent()),
    );
    const { env, add } = await daemon(t);
    add(guardEvent());
    assert.equal(numbersIn((await runEvents(`events --json --state ${state}`, env)).stdout).length, 1234);
  });

  test('cannot be followed: --follow exits with 3 without a daemon, and with 2 with --state', async (t) => {
    const { state, env } = archived(t);
    const { code, stderr } = await runEvents('events --follow', env);
    assert.equal(code, 3);
    assert.match(stderr, /no portreeve daemon reports events/);
    assert.equal((await runEvents(`events --follow --state ${state}`, env)).code, 2);
  });

  test('is empty where there is no file, and a file that is not an archive exits with 3', async (t) => {
    const home = homeOf(t);
    assert.equal((await runEvents(`events --state ${home}`)).stdout, 'no events\n');
    writeFileSync(join(home, EVENT_DATABASE), 'precious');
    const { code, stderr } = await runEvents(`events --state ${home}`);
    assert.equal(code, 3);
    assert.match(stderr, /^portreeve: error\[\w+\]: .*events.db is not an archive of portreeve\n/);
  });
});

test('an invalid request is wrong usage, and reported', async () => {
  const cases: Record<string, RegExp> = {
    '--since yesterday': /"yesterday" is not a time\n.*10m/,
    '--port htpp': /"htpp" is not a port: .*\nDid you mean http\?/,
    '--port 80/icmp': /"80\/icmp" is not a port: the protocol is tcp or udp/,
    '--job A*': /"A\*" is not a job name/,
    '--state /x --runtime /y': /cannot be used with/,
  };
  for (const [options, expected] of Object.entries(cases)) {
    const { code, stderr } = await runEvents(`events ${options}`);
    assert.equal(code, 2, options);
    assert.match(stderr, expected);
  }
});
