// What is advised for a profile: carried out, those who have a port have it by the profile, and nobody loses it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inForce, snapshot, socket } from '../../../test/support/doctor/snapshots.ts';
import { examineSnapshot } from '../../doctor/core/findings/checks/all.ts';
import { statementFor } from './advice.ts';

const ABOUT = ['RESERVATION_HELD', 'LISTENER_NOT_COVERED', 'LOW_PORT_UNPRIVILEGED'];

/** A profile of entries, whose findings are about sockets of these jobs, and what is advised. */
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
  ['nothing', [], ['APP'], 'tcp 0.0.0.0:8080', ['PORT 8080 TCP APP']],
  ['nothing, and two have it', [], ['A', 'B', 'A'], 'tcp 0.0.0.0:8080', ['PORT 8080 TCP A 8080 TCP B']],
  ['nothing, and two have it over UDP', [], ['A', 'B'], 'udp 0.0.0.0:808', ['PORT 808 UDP *']],
  ['another', ['PORT 80 TCP A'], ['B'], 'tcp 0.0.0.0:80', ['PORT 80 TCP A', 'PORT 80 TCP B']],
  ['one of two', ['PORT 80 TCP A'], ['A', 'B'], 'tcp 0.0.0.0:80', ['PORT 80 TCP A', 'PORT 80 TCP B']],
  ['no one', ['PORT 80 TCP RESERVED'], ['B'], 'tcp 0.0.0.0:80', ['PORT 80 TCP B']],
  ['another over UDP', ['PORT 80 UDP A'], ['B'], 'udp 0.0.0.0:80', ['PORT 80 UDP B']],
  ['one of two over UDP', ['PORT 80 UDP A'], ['A', 'B'], 'udp 0.0.0.0:80', ['PORT 80 UDP *']],
  [
    'a range of another',
    ['PORTRANGE 80 2 TCP A'],
    ['B'],
    'tcp 0.0.0.0:81',
    ['PORTRANGE 80 1 TCP A', 'PORT 81 TCP B'],
  ],
];

for (const [what, profile, jobs, where, after] of CASES) {
  test(`where the port is reserved for ${what}, the advice cures`, () => {
    const [said = '', ...more] = advice(profile, jobs, where);
    assert.deepEqual(more, []);
    const statement = after.at(-1) ?? '';
    const rest = after.slice(0, -1);
    assert.ok(said.includes(`: ${statement}`), said);
    const isBeside = profile.every((line) => rest.includes(line));
    assert.equal(/in the place of profile|left out of the range of profile/.test(said), !isBeside, said);
    assert.deepEqual(advice(after, jobs, where), [], 'carried out');
  });
}

test('a job that cannot be told has to be one first', () => {
  const when = 'JOB, when it runs under one: portreeve run --job JOB';
  assert.equal(statementFor(80, 'tcp', ['UNKNOWN']), `PORT 80 TCP ${when}`);
  assert.equal(statementFor(80, 'tcp', ['UNKNOWN', 'A']), `PORT 80 TCP A 80 TCP ${when}`);
});
