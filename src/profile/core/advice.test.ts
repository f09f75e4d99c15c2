// Tests of the advised statements: applying them permits every job that uses the port, and takes it from none.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inForce, snapshot, socket } from '../../../test/support/doctor/snapshots.ts';
import { examineSnapshot } from '../../doctor/core/findings/checks/all.ts';
import { statementFor } from './advice.ts';

const ABOUT = ['RESERVATION_HELD', 'LISTENER_NOT_COVERED', 'LOW_PORT_UNPRIVILEGED'];

/** The advice for a profile, given sockets of these jobs. */
function advice(profile: readonly string[], jobs: readonly string[], where: string): string[] {
  const [port = ''] = /[0-9]+$/.exec(where) ?? [];
  const sockets = jobs.map((job) =>
    socket(`${where.startsWith('tcp') ? 'LISTEN' : 'UNCONNECTED'} ${where}`, { job }),
  );
  return examineSnapshot(snapshot({ sockets, inForce: inForce(profile.join('\n')) }))
    .filter(({ code, ports }) => ABOUT.includes(code) && `${ports[0]?.first}` === port)
    .map((found) => found.advice);
}

const CASES: readonly (readonly [
  what: string,
  profile: string[],
  jobs: string[],
  where: string,
  after: string[],
])[] = [
  ['no job', [], ['APP'], 'tcp 0.0.0.0:8080', ['PORT 8080 TCP APP']],
  ['no job, and two use it', [], ['A', 'B', 'A'], 'tcp 0.0.0.0:8080', ['PORT 8080 TCP A 8080 TCP B']],
  ['no job, and two use it over UDP', [], ['A', 'B'], 'udp 0.0.0.0:808', ['PORT 808 UDP *']],
  ['another job', ['PORT 80 TCP A'], ['B'], 'tcp 0.0.0.0:80', ['PORT 80 TCP A', 'PORT 80 TCP B']],
  ['one of two', ['PORT 80 TCP A'], ['A', 'B'], 'tcp 0.0.0.0:80', ['PORT 80 TCP A', 'PORT 80 TCP B']],
  ['RESERVED', ['PORT 80 TCP RESERVED'], ['B'], 'tcp 0.0.0.0:80', ['PORT 80 TCP B']],
  ['another job over UDP', ['PORT 80 UDP A'], ['B'], 'udp 0.0.0.0:80', ['PORT 80 UDP B']],
  ['one of two over UDP', ['PORT 80 UDP A'], ['A', 'B'], 'udp 0.0.0.0:80', ['PORT 80 UDP *']],
  [
    'another job by a range',
    ['PORTRANGE 80 2 TCP A'],
    ['B'],
    'tcp 0.0.0.0:81',
    ['PORTRANGE 80 1 TCP A', 'PORT 81 TCP B'],
  ],
];

for (const [what, profile, jobs, where, after] of CASES) {
  test(`the advice is sufficient if the port is reserved for ${what}`, () => {
    const [text = '', ...more] = advice(profile, jobs, where);
    assert.deepEqual(more, []);
    const statement = after.at(-1) ?? '';
    const rest = after.slice(0, -1);
    assert.ok(text.includes(`: ${statement}`), text);
    const isAddition = profile.every((line) => rest.includes(line));
    assert.equal(
      /instead of the entry at profile|removing the port from the range at profile/.test(text),
      !isAddition,
      text,
    );
    assert.deepEqual(advice(after, jobs, where), [], 'after it was applied');
  });
}

test('an unknown job must first get a name', () => {
  const when = 'JOB, when it runs under one: portreeve run --job JOB';
  assert.equal(statementFor(80, 'tcp', ['UNKNOWN']), `PORT 80 TCP ${when}`);
  assert.equal(statementFor(80, 'tcp', ['UNKNOWN', 'A']), `PORT 80 TCP A 80 TCP ${when}`);
});
