// What rules mean for open sockets: a table of sockets, and the effect on each.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatIp, type IpAddress, parseIp } from '../../base/address.ts';
import type { SocketState } from '../../base/open-socket.ts';
import type { Protocol } from '../../base/port.ts';
import { buildProfile } from '../../profile/core/build.ts';
import { RuleTable } from '../../profile/core/table.ts';
import { parseProfile } from '../../profile/text/parse.ts';
import type { ListedSocket } from '../../sockets/core/socket-snapshot.ts';
import { type Difference, type Impact, impactOn, judgedAtBind } from './impact.ts';

const ALICE = 1000;
const STAFF = 50;

/** Members of the group STAFF may use what SAF protects. */
const saf = {
  check: (_resname: string, _uid: number, groups: readonly number[]) => ({
    permitted: groups.includes(STAFF),
    source: undefined,
  }),
};

function rules(text: string | undefined): RuleTable | undefined {
  if (text === undefined) return undefined;
  const { profile, findings } = buildProfile(parseProfile({ file: 'f', text }).statements);
  assert.deepEqual(findings, []);
  return new RuleTable(judgedAtBind(profile), { authportJobs: [], saf });
}

function address(text: string): IpAddress {
  const parsed = parseIp(text);
  assert.ok(parsed, text);
  return parsed;
}

/** A socket, as "LISTEN tcp 80" or "UNCONNECTED udp 53 192.0.2.7", and its owner. */
interface Case {
  readonly socket: string;
  readonly job?: string;
  /** Undefined: ALICE; none: a socket without a process. */
  readonly uid?: number | 'none';
  readonly groups?: readonly number[];
  readonly before?: string;
  readonly boundUnder?: string;
  readonly after: string;
  readonly unprivilegedStart?: number;
  /** "refused EACCES f:1 RESERVED_FOR_OTHERS", "restart f:1 SHAREPORT", "kept", "not judged". */
  readonly effect: string;
}

function seenOf({ socket, job = 'WEB', uid = ALICE }: Case): ListedSocket {
  const [state, protocol, digits, at = '0.0.0.0'] = socket.split(' ');
  return {
    socket: {
      protocol: protocol as Protocol,
      state: state as SocketState,
      local: { address: address(at), port: JSON.parse(digits ?? '') },
      remote: undefined,
      v6Only: false,
      interfaceIndex: 0,
      uid: uid === 'none' ? undefined : uid,
      inode: 1,
      cgroupId: 1n,
      expiresMs: undefined,
    },
    owners: [],
    user: undefined,
    unit: undefined,
    container: undefined,
    forwardsTo: undefined,
    job,
  };
}

function impactOf(one: Case): Impact | undefined {
  const { before, after, boundUnder = before, groups = [], unprivilegedStart = 1024 } = one;
  const now = rules(after);
  assert.ok(now);
  return impactOn(
    { seen: seenOf(one), groups, boundUnder: rules(boundUnder) },
    {
      before: rules(before),
      after: now,
      ports: { ephemeral: { first: 32768, last: 60999 }, unprivilegedStart },
      errno: 'EPERM',
      errnoLow: 'EADDRINUSE',
    },
  );
}

function outcomeText(impact: Impact | undefined): string {
  if (!impact) return 'not judged';
  const { effect, after, rule, errno, differences, mayBeAssigned } = impact;
  const words = [
    effect,
    ...(effect === 'refused' ? [errno] : []),
    ...(effect === 'kept' || !rule ? [] : [`${rule.file}:${rule.line}`]),
    ...(effect === 'refused' ? [after.reason] : differences.map(differenceText)),
    ...(effect !== 'kept' && mayBeAssigned ? ['may be assigned'] : []),
  ];
  return words.join(' ');
}

function differenceText(difference: Difference): string {
  if (difference.what !== 'BIND') return `${difference.to ? '' : 'no '}${difference.what}`;
  return `${formatIp(difference.from)}->${formatIp(difference.to)}`;
}

const REFUSED: readonly Case[] = [
  {
    socket: 'LISTEN tcp 8080',
    after: '\nPORT 8080 TCP OTHER',
    effect: 'refused EPERM f:2 RESERVED_FOR_OTHERS',
  },
  { socket: 'LISTEN tcp 8080', after: 'PORT 8080 TCP WEB', effect: 'kept' },
  { socket: 'LISTEN tcp 8080', after: 'PORT 8080 UDP OTHER', effect: 'kept' },
  {
    socket: 'LISTEN tcp 8080',
    after: 'PORT 8080 TCP RESERVED',
    effect: 'refused EPERM f:1 RESERVED_FOR_NO_ONE',
  },
  { socket: 'LISTEN tcp 8080', job: 'UNKNOWN', after: 'PORT 8080 TCP *', effect: 'kept' },
  {
    socket: 'LISTEN tcp 8080',
    job: 'UNKNOWN',
    after: 'PORT 8080 TCP OMVS',
    effect: 'refused EPERM f:1 RESERVED_FOR_OTHERS',
  },
  {
    socket: 'LISTEN tcp 8080 ::',
    after: 'PORTRANGE 8000 100 TCP OTHER',
    effect: 'refused EPERM f:1 RESERVED_FOR_OTHERS',
  },
  {
    socket: 'LISTEN tcp 8080',
    after: 'PORT 8080 TCP WEB SAF RES',
    effect: 'refused EPERM f:1 SAF_NOT_PERMITTED',
  },
  { socket: 'LISTEN tcp 8080', groups: [STAFF], after: 'PORT 8080 TCP WEB SAF RES', effect: 'kept' },
  {
    socket: 'LISTEN tcp 8080',
    after: 'PORT UNRSV TCP * DENY WHENBIND',
    effect: 'refused EPERM f:1 UNRESERVED_DENIED',
  },
  {
    socket: 'LISTEN tcp 8080',
    after: 'PORT UNRSV TCP OTHER WHENLISTEN',
    effect: 'refused EPERM f:1 UNRESERVED_FOR_OTHERS',
  },
  { socket: 'LISTEN tcp 8080', after: 'PORT UNRSV TCP WEB WHENLISTEN', effect: 'kept' },
  {
    socket: 'UNCONNECTED udp 5353',
    after: 'PORT UNRSV UDP OTHER',
    effect: 'refused EPERM f:1 UNRESERVED_FOR_OTHERS',
  },
  {
    socket: 'LISTEN tcp 600',
    uid: 0,
    after: 'PORT 600 TCP OTHER',
    effect: 'refused EADDRINUSE f:1 RESERVED_FOR_OTHERS',
  },
];

const LOW: readonly Case[] = [
  // Linux permitted the port: the process has the capability.
  { socket: 'LISTEN tcp 80', after: '', effect: 'kept' },
  { socket: 'LISTEN tcp 80', after: 'TCPCONFIG RESTRICTLOWPORTS', effect: 'kept' },
  // A rule permitted it that no longer exists.
  {
    socket: 'LISTEN tcp 80',
    before: 'PORT 80 TCP WEB',
    after: '',
    effect: 'refused EACCES LOW_PORT_OF_LINUX',
  },
  {
    socket: 'LISTEN tcp 80',
    before: 'TCPCONFIG UNRESTRICTLOWPORTS',
    after: 'TCPCONFIG RESTRICTLOWPORTS',
    effect: 'refused EACCES f:1 LOW_PORT_RESTRICTED',
  },
  { socket: 'LISTEN tcp 80', uid: 0, before: 'PORT 80 TCP WEB', after: '', effect: 'kept' },
  {
    socket: 'LISTEN tcp 80',
    before: 'PORT 80 TCP WEB',
    after: 'TCPCONFIG UNRESTRICTLOWPORTS',
    effect: 'kept',
  },
  // Linux requires nothing.
  { socket: 'LISTEN tcp 80', unprivilegedStart: 0, before: 'PORT 80 TCP WEB', after: '', effect: 'kept' },
  {
    socket: 'LISTEN tcp 80',
    unprivilegedStart: 0,
    after: 'TCPCONFIG RESTRICTLOWPORTS',
    effect: 'refused EPERM f:1 LOW_PORT_RESTRICTED',
  },
];

const RESTART: readonly Case[] = [
  { socket: 'LISTEN tcp 80', after: 'PORT 80 TCP WEB SHAREPORT', effect: 'restart f:1 SHAREPORT' },
  {
    socket: 'LISTEN tcp 80',
    before: 'PORT 80 TCP WEB SHAREPORT',
    after: 'PORT 80 TCP *',
    effect: 'restart f:1 no SHAREPORT',
  },
  {
    socket: 'LISTEN tcp 80',
    before: 'PORT 80 TCP * SHAREPORT',
    after: 'PORT 80 TCP WEB SHAREPORT',
    effect: 'kept',
  },
  // What counts is the rules under which it was bound, not those in between.
  {
    socket: 'LISTEN tcp 80',
    boundUnder: 'PORT 80 TCP WEB',
    before: 'PORT 80 TCP WEB SHAREPORT',
    after: 'PORT 80 TCP WEB SHAREPORT',
    effect: 'restart f:1 SHAREPORT',
  },
  { socket: 'LISTEN tcp 80', after: 'PORT 80 TCP WEB NODELAYACKS', effect: 'restart f:1 NODELAYACKS' },
  { socket: 'LISTEN tcp 80', after: 'PORT 80 TCP WEB DELAYACKS', effect: 'kept' },
  {
    socket: 'LISTEN tcp 8080',
    before: 'TCPCONFIG NODELAYACKS PORT 8080 TCP WEB',
    after: 'PORT 8080 TCP WEB',
    effect: 'restart f:1 no NODELAYACKS',
  },
  { socket: 'LISTEN tcp 8080', after: 'TCPCONFIG NODELAYACKS', effect: 'restart f:1 NODELAYACKS' },
  { socket: 'UNCONNECTED udp 8080', after: 'TCPCONFIG NODELAYACKS', effect: 'kept' },
  {
    socket: 'LISTEN tcp 80',
    after: 'PORT 80 TCP WEB BIND 192.0.2.7',
    effect: 'restart f:1 0.0.0.0->192.0.2.7',
  },
  { socket: 'LISTEN tcp 80 127.0.0.1', after: 'PORT 80 TCP WEB BIND 192.0.2.7', effect: 'kept' },
  { socket: 'LISTEN tcp 80 192.0.2.7', after: 'PORT 80 TCP WEB BIND 192.0.2.7', effect: 'kept' },
  {
    socket: 'LISTEN tcp 80 ::',
    after: 'PORT 80 TCP WEB BIND 192.0.2.7',
    effect: 'restart f:1 ::->::ffff:192.0.2.7',
  },
  {
    socket: 'LISTEN tcp 80 ::ffff:192.0.2.7',
    before: 'PORT 80 TCP WEB BIND 192.0.2.7',
    after: 'PORT 80 TCP WEB BIND 2001:db8::7',
    effect: 'restart f:1 ::ffff:192.0.2.7->2001:db8::7',
  },
  {
    socket: 'LISTEN tcp 80 192.0.2.7',
    before: 'PORT 80 TCP WEB BIND 192.0.2.7',
    after: 'PORT 80 TCP WEB BIND 192.0.2.8',
    effect: 'restart f:1 192.0.2.7->192.0.2.8',
  },
  {
    socket: 'LISTEN tcp 8080 192.0.2.7',
    before: '\n\nPORT 8080 TCP WEB BIND 192.0.2.7',
    after: '',
    effect: 'restart f:3 192.0.2.7->0.0.0.0',
  },
  // It has that address without a rule, because it requested it.
  { socket: 'LISTEN tcp 8080 192.0.2.7', before: 'PORT 8080 TCP WEB', after: '', effect: 'kept' },
  {
    socket: 'UNCONNECTED udp 53 0.0.0.0',
    after: 'PORT 53 UDP WEB BIND 192.0.2.7',
    effect: 'restart f:1 0.0.0.0->192.0.2.7',
  },
  // It violated the rules before, so they gave it nothing.
  {
    socket: 'LISTEN tcp 80',
    before: 'PORT 80 TCP OTHER SHAREPORT',
    after: 'PORT 80 TCP WEB SHAREPORT',
    effect: 'restart f:1 SHAREPORT',
  },
];

const DENY = 'PORT UNRSV TCP * DENY UNRSV UDP * DENY';
const [RESERVED, OTHERS] = ['PORT 40000 TCP OTHER 40000 UDP OTHER', 'f:1 RESERVED_FOR_OTHERS'];

const HOLDERS: readonly Case[] = [
  { socket: 'ESTABLISHED tcp 8080', after: DENY, effect: 'not judged' },
  { socket: 'TIME_WAIT tcp 8080', uid: 'none', after: DENY, effect: 'not judged' },
  { socket: 'BOUND tcp 8080', after: DENY, effect: 'refused EPERM f:1 UNRESERVED_DENIED' },
  { socket: 'UNCONNECTED udp 8080', after: DENY, effect: 'refused EPERM f:1 UNRESERVED_DENIED' },
  { socket: 'ESTABLISHED udp 8080', after: DENY, effect: 'refused EPERM f:1 UNRESERVED_DENIED' },
  { socket: 'LISTEN tcp 40000', after: DENY, effect: 'refused EPERM f:1 UNRESERVED_DENIED may be assigned' },
  { socket: 'BOUND tcp 40000', after: DENY, effect: 'not judged' },
  { socket: 'UNCONNECTED udp 40000', after: DENY, effect: 'not judged' },
  { socket: 'LISTEN tcp 40000', after: RESERVED, effect: `refused EPERM ${OTHERS} may be assigned` },
  { socket: 'BOUND tcp 40000', after: RESERVED, effect: `refused EPERM ${OTHERS} may be assigned` },
  { socket: 'UNCONNECTED udp 40000', after: RESERVED, effect: `refused EPERM ${OTHERS} may be assigned` },
  { socket: 'ESTABLISHED udp 40000', after: RESERVED, effect: 'not judged' },
  { socket: 'ESTABLISHED tcp 40000', after: RESERVED, effect: 'not judged' },
];

const TABLE = {
  'a socket is refused where bind(2) would be': REFUSED,
  'below 1024 it matters what permitted the port': LOW,
  'properties that only bind(2) gives need a restart': RESTART,
  'a port that the kernel may have assigned is judged where possible': HOLDERS,
};

for (const [title, cases] of Object.entries(TABLE)) {
  describe(title, () => {
    for (const one of cases) {
      const { socket, job = 'WEB', uid = 'alice', boundUnder, before, after, effect } = one;
      const past = boundUnder ?? before;
      const change = `${past === undefined ? '' : `"${past}" -> `}"${after.trim()}"`;
      const name = `${socket} of ${job}/${uid}: ${change}: ${effect}`;
      test(name, () => {
        assert.equal(outcomeText(impactOf(one)), effect);
      });
    }
  });
}

test('the rules before are applied as well, if there are any', () => {
  const one: Case = { socket: 'LISTEN tcp 8080', after: 'PORT 8080 TCP OTHER', effect: 'refused' };
  assert.equal(impactOf(one)?.before, undefined);
  assert.equal(impactOf({ ...one, before: '' })?.before?.allowed, true);
  assert.equal(impactOf({ ...one, before: 'PORT 8080 TCP OTHER' })?.before?.allowed, false);
});
