// Decodes records that a kernel wrote, and finds the statement for each reason.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { jobCalled } from '../../../test/support/jobs.ts';
import { buildProfile } from '../../profile/core/build.ts';
import { parseProfile } from '../../profile/text/parse.ts';
import { EVENT, MODE, REFUSALS, type Refusal } from '../bpf/layout.ts';
import {
  decodeRefusal,
  type EventContext,
  eventOf,
  groupOf,
  isRefusal,
  RefusalRules,
  uidOf,
} from './events.ts';

/** What the programs wrote on Linux 6.18, for uid 1000: TCP port 4000 of 127.0.0.1, and port 80 of ::1. */
const RECORDED = {
  v4: [
    '0602fcdba30e0000dd910000000000002c2900000000000005260000e8030000e8030000010000000100000001000000',
    '06000000a00f0000020000000d0000007f0000010000000000000000000000004d61696e546872656164000000000000',
  ].join(''),
  v6: [
    'aeea04dca30e0000dd910000000000002c2900000000000005260000e8030000e8030000010000000000000001000000',
    '06000000500000000a0000000d000000000000000000000000000000000000014d61696e546872656164000000000000',
  ].join(''),
} as const;

function viewOf(hex: string): DataView {
  const bytes = Uint8Array.from(Buffer.from(hex, 'hex'));
  return new DataView(bytes.buffer);
}

/** The record of an IPv4 socket, changed. */
function changed(values: Parameters<typeof EVENT.encode>[0]): DataView {
  const bytes = EVENT.encode({ ...EVENT.read(viewOf(RECORDED.v4)), ...values });
  return new DataView(bytes.buffer);
}

describe('decoding', () => {
  test('a record of an IPv4 socket', () => {
    const view = viewOf(RECORDED.v4);
    assert.ok(isRefusal(view));
    assert.equal(uidOf(view), 1000);
    assert.deepEqual(decodeRefusal(view), {
      bootMs: 16_096_933.184006,
      cgroup: 37341n,
      pid: 9733,
      uid: 1000,
      revision: 1,
      reason: 'RESERVED_FOR_OTHERS',
      isObserved: false,
      protocol: 'tcp',
      address: { family: 4, bytes: new Uint8Array([127, 0, 0, 1]) },
      port: 4000,
      errno: 13,
      command: 'MainThread',
    });
  });

  test('a record of an IPv6 socket', () => {
    const { reason, address, port } = decodeRefusal(viewOf(RECORDED.v6));
    assert.equal(reason, 'RESERVED_FOR_NO_ONE');
    assert.deepEqual(address, { family: 6, bytes: new Uint8Array([...new Array(15).fill(0), 1]) });
    assert.equal(port, 80);
  });

  test('an observed bind, UDP, and a name without a final zero', () => {
    const command = new TextEncoder().encode('0123456789abcde\u{e9}').subarray(0, 16);
    const record = decodeRefusal(changed({ mode: MODE.observe, protocol: 17, command }));
    assert.deepEqual([record.isObserved, record.protocol], [true, 'udp']);
    assert.equal(record.command, '0123456789abcde\ufffd');
  });

  test('bytes that are not a record of this layout', () => {
    assert.equal(isRefusal(changed({})), true);
    assert.equal(isRefusal(viewOf(RECORDED.v4.slice(0, -2))), false);
    assert.equal(isRefusal(changed({ refusal: REFUSALS.length })), false);
    assert.equal(isRefusal(changed({ refusal: REFUSALS.length - 1 })), true);
    assert.equal(isRefusal(changed({ protocol: 132 })), false);
    assert.equal(isRefusal(changed({ port: 65536 })), false);
    assert.equal(isRefusal(changed({ port: 65535 })), true);
  });

  test('records of one user, cgroup, port and reason are similar', () => {
    const group = groupOf(changed({}));
    const same = [{ time: 1n }, { pid: 1 }, { address: new Uint8Array(16) }, { command: new Uint8Array(16) }];
    for (const values of same) assert.equal(groupOf(changed(values)), group);
    const others = [
      ...[{ uid: 1 }, { cgroup: 1n }, { cgroup: 37341n << 32n }, { port: 1 }, { protocol: 17 }],
      ...[{ refusal: 0 }, { mode: MODE.observe }, { revision: 2 }],
    ];
    const words = others.map((values) => groupOf(changed(values)));
    assert.equal(new Set([group, ...words]).size, others.length + 1);
  });
});

const PROFILE = `PORT
  4000 TCP WEB
  4000 TCP DB*
  4001 UDP RESERVED
  4002 TCP * SAF SECRET
  UNRSV TCP GOOD
  UNRSV UDP GOOD SAF SECRET
  UNRSV UDP * DENY
PORTRANGE 5000 10 TCP AUTHPORT
TCPCONFIG RESTRICTLOWPORTS
`;

function rulesOf(text: string): RefusalRules {
  const { statements, findings } = parseProfile({ file: 'profile.tcpip', text });
  assert.deepEqual(findings, []);
  return new RefusalRules(buildProfile(statements).profile, { authportJobs: ['FTPD*'] });
}

describe('the statement that caused a refusal', () => {
  const cases: Record<
    string,
    [reason: Refusal, job: string, protocol: 6 | 17, port: number, line: number | undefined]
  > = {
    'reserved for other jobs: the first of the port': ['RESERVED_FOR_OTHERS', 'MAIL', 6, 4000, 2],
    'for other jobs, if the job was renamed since': ['RESERVED_FOR_OTHERS', 'WEB', 6, 4000, 2],
    'in a range': ['RESERVED_FOR_OTHERS', 'MAIL', 6, 5009, 9],
    'reserved for no one': ['RESERVED_FOR_NO_ONE', 'MAIL', 17, 4001, 4],
    'SAF, whatever is permitted now': ['SAF_NOT_PERMITTED', 'MAIL', 6, 4002, 5],
    'SAF of ports that are not reserved': ['SAF_NOT_PERMITTED', 'GOOD', 17, 6000, 7],
    'SAF, if the job was renamed since': ['SAF_NOT_PERMITTED', 'MAIL', 17, 6000, undefined],
    'a low port': ['LOW_PORT_RESTRICTED', 'MAIL', 6, 80, 10],
    'denied to all others': ['UNRESERVED_DENIED', 'MAIL', 17, 6000, 8],
    'denied to a job that was renamed since': ['UNRESERVED_DENIED', 'GOOD', 17, 6000, 8],
    'no entry for the job: the first, also at listen': ['UNRESERVED_FOR_OTHERS', 'MAIL', 6, 6000, 6],
    'a port that is not in the profile': ['RESERVED_FOR_NO_ONE', 'MAIL', 17, 7000, undefined],
  };
  const rules = rulesOf(PROFILE);
  for (const [name, [reason, job, protocol, port, line]] of Object.entries(cases)) {
    test(name, () => {
      const record = decodeRefusal(changed({ refusal: REFUSALS.indexOf(reason), protocol, port }));
      const rule = rules.ruleOf(record, jobCalled(job));
      assert.equal(rule?.line, line);
      if (line !== undefined) assert.equal(rule?.file, 'profile.tcpip');
    });
  }

  test('all reasons are covered', () => {
    const tested = new Set(Object.values(cases).map(([reason]) => reason));
    assert.deepEqual([...tested].sort(), [...REFUSALS].sort());
  });
});

describe('the event', () => {
  const context: EventContext = {
    bootOffsetMs: 1_767_225_600_000,
    jobOf: (cgroup, uid) => jobCalled(`JOB-${cgroup}-${uid}`),
    userOf: (uid) => (uid === 1000 ? 'alice' : undefined),
    errnoName: (errno) => (errno === 13 ? 'EACCES' : `${errno}`),
    rulesOf: (revision) => (revision === 1 ? rulesOf(PROFILE) : undefined),
  };

  test('has wall-clock time, names, and the statement', () => {
    assert.deepEqual(eventOf(decodeRefusal(viewOf(RECORDED.v4)), context), {
      kind: 'bind',
      count: 1,
      timeMs: 1_767_225_600_000 + 16_096_933,
      verdict: 'refused',
      reason: 'RESERVED_FOR_OTHERS',
      job: 'JOB-37341-1000',
      uid: 1000,
      user: 'alice',
      pid: 9733,
      command: 'MainThread',
      protocol: 'tcp',
      address: '127.0.0.1',
      port: 4000,
      errno: 'EACCES',
      revision: 1,
      rule: { file: 'profile.tcpip', line: 2, text: '4000 TCP WEB' },
    });
  });

  test('of an observed bind, an IPv6 socket, an unknown revision', () => {
    const values = { ...EVENT.read(viewOf(RECORDED.v6)), mode: MODE.observe, revision: 2, uid: 0 };
    const event = eventOf(decodeRefusal(changed(values)), context);
    assert.deepEqual(
      [event.verdict, event.address, event.rule, event.user],
      ['observed', '::1', undefined, undefined],
    );
  });
});
