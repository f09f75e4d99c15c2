// Tests of the order of checks for bind and listen: each branch with a request that takes it and one that does not.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readVerdict, verdictText } from '../../../test/support/golden-profiles.ts';
import { formatIp, parseIp } from '../../base/address.ts';
import { parseProfile } from '../text/parse.ts';
import { buildProfile } from './build.ts';
import { decide } from './decide.ts';
import { type RuleContext, RuleTable } from './table.ts';
import type { BindRequest, Verdict } from './verdict.ts';

/** uid 7 and group 70 have access to the SAF resource READY. */
const CONTEXT: RuleContext = {
  authportJobs: ['FTPD*'],
  saf: {
    check: (resname, uid, groups) => ({
      permitted: resname === 'READY' && (uid === 7 || groups.includes(70)),
      source: undefined,
    }),
  },
};

function tableOf(text: string, context: Partial<RuleContext> = {}): RuleTable {
  const { statements, findings } = parseProfile({ file: 'profile', text });
  const built = buildProfile(statements);
  const errors = [...findings, ...built.findings].filter(({ severity }) => severity === 'error');
  assert.deepEqual(errors, [], text);
  return new RuleTable(built.profile, { ...CONTEXT, ...context });
}

const textOf = (verdict: Verdict): string => verdictText(verdict, 'profile', false);

/** Tests the verdicts of a profile, in the notation of test/vectors/profile. */
function verdicts(name: string, profile: string, lines: string, context?: Partial<RuleContext>): void {
  test(name, () => {
    const table = tableOf(profile, context);
    const expected = lines
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '');
    assert.notEqual(expected.length, 0);
    const answered = expected.map((line) => {
      const { requestText, request } = readVerdict(line, name);
      return `${requestText} -> ${textOf(decide(table, request))}`;
    });
    assert.deepEqual(answered, expected);
  });
}

// ip(7): ports below 1024 are privileged; TCPCONFIG, UDPCONFIG: RESTRICTLOWPORTS is about ports 1 to 1023.
describe('at the boundaries of the ports', () => {
  verdicts(
    'without a low port setting Linux requires the capability for 1 to 1023',
    '',
    `bind tcp 0.0.0.0 0 WEB -> allow PORT_ZERO
     bind tcp 0.0.0.0 1 WEB -> deny LOW_PORT_OF_LINUX
     bind tcp 0.0.0.0 1 WEB capable -> allow UNRESERVED
     bind tcp 0.0.0.0 1023 WEB -> deny LOW_PORT_OF_LINUX
     bind udp 0.0.0.0 1023 WEB -> deny LOW_PORT_OF_LINUX
     bind udp 0.0.0.0 1023 WEB capable -> allow UNRESERVED
     bind tcp 0.0.0.0 1024 WEB -> allow UNRESERVED
     bind udp 0.0.0.0 65534 WEB -> allow UNRESERVED
     bind tcp 0.0.0.0 65535 WEB -> allow UNRESERVED`,
  );
  verdicts(
    'RESTRICTLOWPORTS denies 1 to 1023, of its own protocol only',
    'TCPCONFIG RESTRICTLOWPORTS',
    `bind tcp 0.0.0.0 0 WEB -> allow PORT_ZERO
     bind tcp 0.0.0.0 1 WEB -> deny LOW_PORT_RESTRICTED line 1
     bind tcp 0.0.0.0 1023 WEB -> deny LOW_PORT_RESTRICTED line 1
     bind tcp 0.0.0.0 1023 WEB capable -> allow UNRESERVED line 1
     bind tcp 0.0.0.0 1024 WEB -> allow UNRESERVED
     bind udp 0.0.0.0 1023 WEB -> deny LOW_PORT_OF_LINUX`,
  );
  verdicts(
    'UNRESTRICTLOWPORTS grants 1 to 1023, except to the capable',
    'UDPCONFIG UNRESTRICTLOWPORTS',
    `bind udp 0.0.0.0 0 WEB -> allow PORT_ZERO
     bind udp 0.0.0.0 1 WEB -> allow UNRESERVED line 1 granted
     bind udp 0.0.0.0 1023 WEB -> allow UNRESERVED line 1 granted
     bind udp 0.0.0.0 1023 WEB capable -> allow UNRESERVED line 1
     bind udp 0.0.0.0 1024 WEB -> allow UNRESERVED
     bind tcp 0.0.0.0 1023 WEB -> deny LOW_PORT_OF_LINUX`,
  );
  verdicts(
    'a reservation applies to its own ports, and grants those below 1024',
    'PORT\n 1 TCP WEB\n 1023 TCP WEB\n 1024 TCP WEB\n 65535 TCP WEB',
    `bind tcp 0.0.0.0 0 OTHER -> allow PORT_ZERO
     bind tcp 0.0.0.0 1 WEB -> allow RESERVED_FOR_JOB line 2 granted
     bind tcp 0.0.0.0 1 OTHER capable -> deny RESERVED_FOR_OTHERS line 2
     bind tcp 0.0.0.0 2 WEB -> deny LOW_PORT_OF_LINUX
     bind tcp 0.0.0.0 1023 WEB -> allow RESERVED_FOR_JOB line 3 granted
     bind tcp 0.0.0.0 1023 WEB capable -> allow RESERVED_FOR_JOB line 3
     bind tcp 0.0.0.0 1024 WEB -> allow RESERVED_FOR_JOB line 4
     bind tcp 0.0.0.0 1025 OTHER -> allow UNRESERVED
     bind tcp 0.0.0.0 65534 OTHER -> allow UNRESERVED
     bind tcp 0.0.0.0 65535 OTHER -> deny RESERVED_FOR_OTHERS line 5
     bind udp 0.0.0.0 65535 OTHER -> allow UNRESERVED`,
  );
  verdicts(
    'PORTRANGE: num_ports, up to the last port',
    'PORTRANGE\n 1 1023 TCP WEB\n 65534 2 UDP RESERVED',
    `bind tcp 0.0.0.0 1 OTHER -> deny RESERVED_FOR_OTHERS line 2
     bind tcp 0.0.0.0 1023 OTHER -> deny RESERVED_FOR_OTHERS line 2
     bind tcp 0.0.0.0 1024 OTHER -> allow UNRESERVED
     bind udp 0.0.0.0 65533 OTHER -> allow UNRESERVED
     bind udp 0.0.0.0 65534 OTHER -> deny RESERVED_FOR_NO_ONE line 3
     bind udp 0.0.0.0 65535 OTHER capable -> deny RESERVED_FOR_NO_ONE line 3`,
  );
});

describe('a reserved port', () => {
  verdicts(
    'is decided by the first entry that matches the job; the first entry denies other jobs',
    'PORT\n 80 TCP WEB NODELAYACKS\n 80 TCP ADM?\n 80 TCP ADM1',
    `bind tcp 0.0.0.0 80 WEB -> allow RESERVED_FOR_JOB line 2 acks NODELAYACKS granted
     bind tcp 0.0.0.0 80 ADM1 -> allow RESERVED_FOR_JOB line 3 granted
     bind tcp 0.0.0.0 80 ADM12 -> deny RESERVED_FOR_OTHERS line 2`,
  );
  verdicts(
    'is for every job with *, for every known job with OMVS, and for no job with INTCLIEN',
    'PORT\n 4000 TCP *\n 4001 TCP OMVS\n 4002 TCP INTCLIEN',
    `bind tcp 0.0.0.0 4000 UNKNOWN -> allow RESERVED_FOR_JOB line 2
     bind tcp 0.0.0.0 4001 WEB -> allow RESERVED_FOR_JOB line 3
     bind tcp 0.0.0.0 4001 UNKNOWN -> deny RESERVED_FOR_OTHERS line 3
     bind tcp 0.0.0.0 4002 INTCLIEN -> deny RESERVED_FOR_OTHERS line 4`,
  );
  verdicts(
    'has another name than OMVS if STARTUP_PROC sets it',
    'PORT\n 4000 TCP OMVS\n 4001 TCP UNIXJOB',
    `bind tcp 0.0.0.0 4000 WEB -> deny RESERVED_FOR_OTHERS line 2
     bind tcp 0.0.0.0 4000 OMVS -> allow RESERVED_FOR_JOB line 2
     bind tcp 0.0.0.0 4001 WEB -> allow RESERVED_FOR_JOB line 3`,
    { omvsJob: 'UNIXJOB' },
  );
  verdicts(
    'is for the FTP servers with AUTHPORT',
    'PORTRANGE 5000 10 TCP AUTHPORT',
    `bind tcp 0.0.0.0 5009 FTPD1 -> allow RESERVED_FOR_JOB line 1
     bind tcp 0.0.0.0 5009 FTP -> deny RESERVED_FOR_OTHERS line 1`,
  );
  verdicts(
    'checks SAF for the user and the groups, and no later entry if SAF denies',
    'PORT\n 4000 TCP WEB SAF READY\n 4000 TCP WE*\n 4001 TCP WEB SAF SHUT',
    `bind tcp 0.0.0.0 4000 WEB -> deny SAF_NOT_PERMITTED line 2
     bind tcp 0.0.0.0 4000 WEB uid 7 -> allow RESERVED_FOR_JOB line 2
     bind tcp 0.0.0.0 4000 WEB group 70 -> allow RESERVED_FOR_JOB line 2
     bind tcp 0.0.0.0 4000 WE -> allow RESERVED_FOR_JOB line 3
     bind tcp 0.0.0.0 4001 WEB uid 7 -> deny SAF_NOT_PERMITTED line 4`,
  );
  verdicts(
    'overrides RESTRICTLOWPORTS and UNRSV',
    'TCPCONFIG RESTRICTLOWPORTS\nPORT\n 80 TCP WEB\n 4000 TCP WEB\n UNRSV TCP * DENY',
    `bind tcp 0.0.0.0 80 WEB -> allow RESERVED_FOR_JOB line 3 granted
     bind tcp 0.0.0.0 4000 WEB -> allow RESERVED_FOR_JOB line 4
     listen tcp 0.0.0.0 4000 WEB -> allow UNRESERVED`,
  );
  verdicts(
    'has the options of its entry: address, sharing, acknowledgments and SMC',
    'TCPCONFIG NODELAYACKS\nPORT\n 4000 TCP WEB SHAREPORT SMC\n 4001 TCP WEB DELAYACKS NOSMC\n 4000 UDP WEB',
    `bind tcp 0.0.0.0 4000 WEB -> allow RESERVED_FOR_JOB line 3 shared acks NODELAYACKS smc SMC
     bind tcp 0.0.0.0 4001 WEB -> allow RESERVED_FOR_JOB line 4 acks DELAYACKS smc NOSMC
     bind udp 0.0.0.0 4000 WEB -> allow RESERVED_FOR_JOB line 5
     bind tcp 0.0.0.0 4002 WEB -> allow UNRESERVED acks NODELAYACKS
     bind udp 0.0.0.0 4002 WEB -> allow UNRESERVED`,
  );

  const named = (request: Partial<BindRequest>): BindRequest => ({
    ...readVerdict('bind tcp 0.0.0.0 4000 POSTGRESQL@15-MAIN -> allow UNRESERVED', 'aliases').request,
    aliases: ['POSTGRESQL', 'PG'],
    ...request,
  });

  test('matches any name of a job, the first entry first', () => {
    const table = tableOf('PORT\n 4000 TCP P?\n 4000 TCP POSTGRESQL@15-MAIN\n 4001 TCP POSTGRESQL');
    assert.equal(textOf(decide(table, named({}))), 'allow RESERVED_FOR_JOB line 2');
    assert.equal(textOf(decide(table, named({ aliases: [] }))), 'allow RESERVED_FOR_JOB line 3');
    assert.equal(textOf(decide(table, named({ port: 4001 }))), 'allow RESERVED_FOR_JOB line 4');
    assert.equal(
      textOf(decide(table, named({ port: 4001, aliases: ['PG'] }))),
      'deny RESERVED_FOR_OTHERS line 4',
    );
  });

  test('UNRSV uses the full name only', () => {
    const table = tableOf('PORT UNRSV TCP POSTGRESQL WHENBIND');
    assert.equal(textOf(decide(table, named({}))), 'deny UNRESERVED_FOR_OTHERS line 1');
  });
});

describe('UNRSV', () => {
  const AT_BIND = 'PORT\n UNRSV TCP WEB WHENBIND\n UNRSV TCP READ* SAF READY WHENBIND';
  verdicts(
    'with WHENBIND decides binds to all ports that are not reserved',
    `${AT_BIND}\n 4000 TCP WEB`,
    `bind tcp 0.0.0.0 1024 WEB -> allow UNRESERVED_FOR_JOB line 2
     bind tcp 0.0.0.0 65535 WEB -> allow UNRESERVED_FOR_JOB line 2
     bind tcp 0.0.0.0 65535 OTHER -> deny UNRESERVED_FOR_OTHERS line 2
     bind tcp 0.0.0.0 65535 READER -> deny SAF_NOT_PERMITTED line 3
     bind tcp 0.0.0.0 65535 READER uid 7 -> allow UNRESERVED_FOR_JOB line 3
     bind tcp 0.0.0.0 65535 READER group 70 -> allow UNRESERVED_FOR_JOB line 3
     bind tcp 0.0.0.0 0 OTHER -> allow PORT_ZERO
     bind udp 0.0.0.0 65535 OTHER -> allow UNRESERVED
     listen tcp 0.0.0.0 65535 OTHER -> allow UNRESERVED`,
  );
  verdicts(
    'by default decides listens over TCP, not binds',
    'PORT\n UNRSV TCP WEB\n 4000 TCP WEB\n UNRSV UDP WEB',
    `bind tcp 0.0.0.0 1024 OTHER -> allow UNRESERVED
     listen tcp 0.0.0.0 1024 WEB -> allow UNRESERVED_FOR_JOB line 2
     listen tcp 0.0.0.0 1023 OTHER -> deny UNRESERVED_FOR_OTHERS line 2
     listen tcp 0.0.0.0 65535 OTHER -> deny UNRESERVED_FOR_OTHERS line 2
     listen tcp 0.0.0.0 0 OTHER -> allow UNRESERVED
     listen tcp 0.0.0.0 4000 OTHER -> allow UNRESERVED
     bind udp 0.0.0.0 1024 OTHER -> deny UNRESERVED_FOR_OTHERS line 4
     listen udp 0.0.0.0 1024 OTHER -> allow UNRESERVED`,
  );
  verdicts(
    'with DENY denies all jobs that no other entry permits',
    'PORT\n UNRSV TCP * DENY WHENBIND\n UNRSV TCP WEB WHENBIND\n UNRSV UDP * DENY',
    `bind tcp 0.0.0.0 1024 WEB -> allow UNRESERVED_FOR_JOB line 3
     bind tcp 0.0.0.0 1024 UNKNOWN -> deny UNRESERVED_DENIED line 2
     bind udp 0.0.0.0 1023 WEB capable -> deny UNRESERVED_DENIED line 4`,
  );
  verdicts(
    'does not apply to low ports with RESTRICTLOWPORTS, neither at bind nor at listen',
    'TCPCONFIG RESTRICTLOWPORTS\nUDPCONFIG RESTRICTLOWPORTS\nPORT\n UNRSV TCP WEB\n UNRSV UDP WEB',
    `bind udp 0.0.0.0 1023 WEB -> deny LOW_PORT_RESTRICTED line 2
     bind udp 0.0.0.0 1023 OTHER capable -> allow UNRESERVED line 2
     bind udp 0.0.0.0 1024 OTHER -> deny UNRESERVED_FOR_OTHERS line 5
     listen tcp 0.0.0.0 1023 OTHER -> allow UNRESERVED
     listen tcp 0.0.0.0 1024 OTHER -> deny UNRESERVED_FOR_OTHERS line 4`,
  );
  verdicts(
    'decides low ports with UNRESTRICTLOWPORTS, and grants those it permits',
    'UDPCONFIG UNRESTRICTLOWPORTS\nTCPCONFIG UNRESTRICTLOWPORTS\nPORT\n UNRSV UDP WEB\n UNRSV TCP WEB',
    `bind udp 0.0.0.0 1023 WEB -> allow UNRESERVED_FOR_JOB line 4 granted
     bind udp 0.0.0.0 1023 WEB capable -> allow UNRESERVED_FOR_JOB line 4
     bind udp 0.0.0.0 1023 OTHER capable -> deny UNRESERVED_FOR_OTHERS line 4
     listen tcp 0.0.0.0 1023 OTHER -> deny UNRESERVED_FOR_OTHERS line 5`,
  );
  verdicts(
    'grants no low port without a low port setting: Linux decides',
    'PORT UNRSV UDP WEB',
    `bind udp 0.0.0.0 1023 WEB -> deny LOW_PORT_OF_LINUX
     bind udp 0.0.0.0 1023 WEB capable -> allow UNRESERVED_FOR_JOB line 1
     bind udp 0.0.0.0 1023 OTHER -> deny UNRESERVED_FOR_OTHERS line 1`,
  );
});

describe('port 0', () => {
  const BOTH = 'GLOBALCONFIG EXPLICITBINDPORTRANGE 5000 10\nTCPCONFIG EPHEMERALPORTS 6000 6100';
  verdicts(
    'with the wildcard address is assigned from EXPLICITBINDPORTRANGE, for TCP only',
    `${BOTH}\nUDPCONFIG EPHEMERALPORTS 7000 7100`,
    `bind tcp 0.0.0.0 0 WEB -> allow PORT_ZERO line 1 from EXPLICITBINDPORTRANGE
     bind tcp :: 0 WEB -> allow PORT_ZERO line 1 from EXPLICITBINDPORTRANGE
     bind tcp ::ffff:0.0.0.0 0 WEB -> allow PORT_ZERO line 1 from EXPLICITBINDPORTRANGE
     bind tcp 192.0.2.7 0 WEB -> allow PORT_ZERO line 2 from EPHEMERALPORTS
     bind tcp ::ffff:0.0.0.1 0 WEB -> allow PORT_ZERO line 2 from EPHEMERALPORTS
     bind udp 0.0.0.0 0 WEB -> allow PORT_ZERO line 3 from EPHEMERALPORTS`,
  );
  verdicts(
    'has the acknowledgment setting of TCPCONFIG, and no range by default',
    'TCPCONFIG NODELAYACKS',
    `bind tcp 0.0.0.0 0 WEB -> allow PORT_ZERO acks NODELAYACKS
     bind udp 0.0.0.0 0 WEB -> allow PORT_ZERO`,
  );
});

// PORT: BIND ipaddr, "is ignored for IPv4 listeners" where it is an IPv6 address.
describe('BIND', () => {
  const addressFor = (bind: string, requested: string): string => {
    const request = readVerdict(`bind tcp ${requested} 4000 WEB -> allow UNRESERVED`, bind).request;
    const verdict = decide(tableOf(`PORT 4000 TCP WEB BIND ${bind}`), request);
    assert.equal(verdict.allowed && verdict.reason, 'RESERVED_FOR_JOB');
    return verdict.allowed && verdict.address ? formatIp(verdict.address) : 'stays';
  };
  const rows: readonly (readonly [bind: string, requested: string, address: string])[] = [
    ['192.0.2.7', '0.0.0.0', '192.0.2.7'],
    ['192.0.2.7', '192.0.2.1', 'stays'],
    ['192.0.2.7', '::', '::ffff:192.0.2.7'],
    ['192.0.2.7', '::ffff:0.0.0.0', '::ffff:192.0.2.7'],
    ['192.0.2.7', '::1', 'stays'],
    ['192.0.2.7', '::ffff:192.0.2.1', 'stays'],
    ['2001:db8::7', '0.0.0.0', 'stays'],
    ['2001:db8::7', '::', '2001:db8::7'],
    ['2001:db8::7', '::ffff:0.0.0.0', 'stays'],
    ['2001:db8::7', '2001:db8::1', 'stays'],
  ];
  for (const [bind, requested, address] of rows) {
    test(`${bind} for a request of ${requested}: ${address}`, () => {
      assert.equal(addressFor(bind, requested), address);
    });
  }

  test('maps an IPv4 address in all of its 16 bytes', () => {
    const request = readVerdict('bind tcp :: 4000 WEB -> allow UNRESERVED', 'mapped').request;
    const verdict = decide(tableOf('PORT 4000 TCP WEB BIND 192.0.2.7'), request);
    assert.deepEqual(verdict.allowed && verdict.address, parseIp('::ffff:192.0.2.7'));
  });
});

test('a denial is EACCES with its rule', () => {
  const { request } = readVerdict('bind tcp 0.0.0.0 80 WEB -> deny RESERVED_FOR_NO_ONE', 'refusal');
  assert.deepEqual(decide(tableOf('PORT 80 TCP RESERVED'), request), {
    allowed: false,
    reason: 'RESERVED_FOR_NO_ONE',
    errno: 'EACCES',
    rule: { file: 'profile', line: 1, text: '80 TCP RESERVED' },
  });
});
