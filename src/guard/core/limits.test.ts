// Where various kernels deviate from profiles.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { buildProfile } from '../../profile/core/build.ts';
import type { Profile } from '../../profile/core/rules.ts';
import { parseProfile } from '../../profile/text/parse.ts';
import { RULES_PER_PORT_MAX, WILDCARDS_MAX } from '../bpf/layout.ts';
import { compileTables } from '../bpf/tables.ts';
import type { KernelFeatures } from './features.ts';
import { type Limit, type LimitContext, limitsOf } from './limits.ts';

const KERNEL: KernelFeatures = { tickUs: 4000, unprivilegedStart: 1024, otherProtocols: [] };
const CONTEXT: LimitContext = { authportJobs: [], omvsJob: 'OMVS', hasGroups: () => false };

function profileOf(text: string): Profile {
  const { statements, findings } = parseProfile({ file: 'profile', text });
  const built = buildProfile(statements);
  assert.deepEqual(
    [...findings, ...built.findings].filter(({ severity }) => severity === 'error'),
    [],
  );
  return built.profile;
}

function limits(
  text: string,
  kernel: Partial<KernelFeatures> = {},
  context: Partial<LimitContext> = {},
): Limit[] {
  return limitsOf(profileOf(text), { ...KERNEL, ...kernel }, { ...CONTEXT, ...context });
}

const codes = (...args: Parameters<typeof limits>) => limits(...args).map(({ code }) => code);
const lines = ({ statements }: Limit) => statements.map(({ line }) => line);

test('a profile that the kernel can enforce exactly has no limits', () => {
  const text = `
PORT
  80 TCP WEB DELAYACKS
  53 UDP NAMED NOAUTOLOG
  443 TCP WEB BIND 192.0.2.7
  UNRSV TCP WEB WHENBIND
  UNRSV UDP WEB
PORTRANGE 4000 100 TCP AUTHPORT
PORTRANGE 5000 100 TCP RESERVED
TCPCONFIG UNRESTRICTLOWPORTS AUTODELAYACKS EPHEMERALPORTS 20000 29999
UDPCONFIG UNRESTRICTLOWPORTS EPHEMERALPORTS 20000 29999
GLOBALCONFIG NOEXPLICITBINDPORTRANGE NOAUTOSMC
AUTOLOG WEB ENDAUTOLOG
`;
  assert.deepEqual(codes(text), []);
  assert.deepEqual(codes(''), []);
  for (const unprivilegedStart of [0, 80, 1024, 2000])
    assert.deepEqual(codes(text, { unprivilegedStart }), []);
});

describe('each deviation is reported once, with the affected statements', () => {
  const cases: readonly (readonly [string, string, ...number[]])[] = [
    ['PORT\n UNRSV TCP WEB\n UNRSV TCP * DENY WHENLISTEN\n UNRSV UDP WEB\n', 'LISTEN_AT_BIND', 2, 3],
    ['GLOBALCONFIG\n EXPLICITBINDPORTRANGE 5000 100\n', 'EXPLICIT_RANGE_UNUSED', 2],
    ['PORT\n 80 TCP WEB SHAREPORT\n 81 TCP A\n 82 TCP A SHAREPORTWLM\n', 'SHARE_BY_USER', 2, 4],
    ['PORT\n 80 TCP WEB NODELAYACKS\n 80 TCP OLD DELAYACKS\n', 'ACKS_NOT_AT_ONCE', 2],
    ['PORT 80 TCP WEB SMC\nGLOBALCONFIG AUTOSMC\n', 'SMC_UNUSED', 2, 1],
    ['PORT 80 TCP WEB NOSMC\n', 'SMC_NOT_REFUSED', 1],
    ['TCPCONFIG EPHEMERALPORTS 20000 29999\n', 'EPHEMERAL_PORTS_SHARED', 1],
    [
      'TCPCONFIG EPHEMERALPORTS 20000 29999\nUDPCONFIG EPHEMERALPORTS 20000 28888\n',
      'EPHEMERAL_PORTS_DIFFER',
      2,
    ],
    ['TCPCONFIG RESTRICTLOWPORTS\nUDPCONFIG RESTRICTLOWPORTS\n', 'LOW_PORTS_UNCOUNTED', 1, 2],
  ];
  for (const [text, code, ...expected] of cases) {
    test(code, () => {
      const [only, ...others] = limits(text);
      assert.deepEqual(others, []);
      assert.equal(only?.code, code);
      assert.deepEqual(lines(only), expected);
      assert.equal(only.count, expected.length);
      // One affects only counters; the others change what programs get.
      assert.equal(only.differs, code !== 'LOW_PORTS_UNCOUNTED');
    });
  }
});

test('of many statements the first few are listed, and all are counted', () => {
  const ports = Array.from({ length: 100 }, (_, i) => `PORT ${4000 + i} TCP WEB SHAREPORT NOSMC\n`);
  const all = limits(ports.join(''));
  assert.deepEqual(
    all.map(({ code, count }) => [code, count]),
    [
      ['SHARE_BY_USER', 100],
      ['SMC_NOT_REFUSED', 100],
    ],
  );
  for (const limit of all) assert.deepEqual(lines(limit), [1, 2, 3, 4, 5]);
});

describe('NODELAYACKS', () => {
  const reported = (tickUs: number | undefined) => limits('PORT 80 TCP WEB NODELAYACKS', { tickUs })[0];

  test('is reported in milliseconds of this kernel', () => {
    assert.match(reported(4000)?.instead ?? '', /are delayed by up to 8 ms$/);
    assert.match(reported(1000)?.instead ?? '', /are delayed by up to 2 ms$/);
    assert.match(reported(10_000)?.instead ?? '', /are delayed by up to 20 ms$/);
    assert.match(reported(3333)?.instead ?? '', /are delayed by up to 6\.7 ms$/);
    assert.match(reported(3333)?.why ?? '', /A tick of this kernel is 3\.3 ms/);
    assert.match(reported(undefined)?.instead ?? '', /are delayed by up to 20 ms$/);
    assert.match(reported(undefined)?.why ?? '', /could not be determined/);
  });

  test('in TCPCONFIG does not affect sockets that are never bound', () => {
    assert.deepEqual(codes('TCPCONFIG NODELAYACKS'), ['ACKS_NOT_AT_ONCE', 'ACKS_OF_UNBOUND']);
    assert.deepEqual(codes('TCPCONFIG DELAYACKS'), []);
  });

  test('has no meaning for UDP', () => {
    assert.deepEqual(codes('PORT 53 UDP NAMED NODELAYACKS'), []);
  });
});

describe('RESTRICTLOWPORTS', () => {
  const text = 'UDPCONFIG RESTRICTLOWPORTS';

  test('is left to Linux where it restricts all of them', () => {
    for (const unprivilegedStart of [1024, 2000]) {
      assert.deepEqual(codes(text, { unprivilegedStart }), ['LOW_PORTS_UNCOUNTED']);
    }
  });

  test('is judged by user where Linux restricts some of them, or none', () => {
    assert.deepEqual(codes(text, { unprivilegedStart: 80 }), ['LOW_PORTS_OPEN', 'LOW_PORTS_UNCOUNTED']);
    assert.deepEqual(codes(text, { unprivilegedStart: 0 }), ['LOW_PORTS_OPEN']);
    const [open] = limits(text, { unprivilegedStart: 80 });
    assert.match(open?.instead ?? '', /only root may bind the ports 80-1023/);
  });
});

test('SAF: groups matter where an access list has any', () => {
  const text = 'PORT\n 80 TCP WEB SAF ADMIN\n 81 TCP WEB SAF USERS\n UNRSV UDP * SAF ADMIN\n';
  const hasGroups = (resname: string) => resname === 'ADMIN';
  assert.deepEqual(codes(text), []);
  const [only] = limits(text, {}, { hasGroups });
  assert.equal(only?.code, 'SAF_GROUPS');
  assert.deepEqual(lines(only), [2, 4]);
});

describe('what the guard rejects', () => {
  /** The error of compileTables(); undefined if it accepts the profile. */
  function refusal(text: string, authportJobs: readonly string[] = []): string | undefined {
    try {
      compileTables(profileOf(text), {
        authportJobs,
        omvsJob: 'OMVS',
        permits: () => ({ uids: new Map(), everyone: false }),
        errno: 13,
        errnoLow: 98,
        unprivilegedStart: 1024,
        noDelayUs: 8000,
        revision: 1,
      });
      return undefined;
    } catch (thrown) {
      return thrown instanceof Error && 'code' in thrown ? `${thrown.code}` : assert.fail();
    }
  }
  const port = (number: number, job: string) => `PORT ${number} TCP ${job}\n`;
  const patterns = (count: number) =>
    Array.from({ length: count }, (_, i) => port(4000 + i, `J${i}*`)).join('') +
    port(80, '*') +
    port(81, 'J1*');
  const entries = (count: number) => Array.from({ length: count }, (_, i) => port(4000, `J${i}`)).join('');

  test('too many patterns', () => {
    assert.deepEqual(codes(patterns(WILDCARDS_MAX)), []);
    assert.equal(refusal(patterns(WILDCARDS_MAX)), undefined);
    const [only] = limits(patterns(WILDCARDS_MAX + 1));
    assert.equal(only?.code, 'WILDCARDS');
    assert.deepEqual(lines(only), [WILDCARDS_MAX + 1]);
    assert.equal(refusal(patterns(WILDCARDS_MAX + 1)), 'GUARD_WILDCARDS');
  });

  test('too many patterns with those of AUTHPORT', () => {
    const text = `${patterns(WILDCARDS_MAX)}PORTRANGE 5000 10 TCP AUTHPORT\n`;
    assert.deepEqual(codes(text, {}, { authportJobs: ['FTPD'] }), []);
    assert.equal(refusal(text, ['FTPD']), undefined);
    assert.deepEqual(codes(text, {}, { authportJobs: ['FTP*'] }), ['WILDCARDS']);
    assert.equal(refusal(text, ['FTP*']), 'GUARD_WILDCARDS');
  });

  test('too many entries for one port', () => {
    assert.deepEqual(codes(entries(RULES_PER_PORT_MAX)), []);
    assert.equal(refusal(entries(RULES_PER_PORT_MAX)), undefined);
    const [only] = limits(entries(RULES_PER_PORT_MAX + 2));
    assert.equal(only?.code, 'ENTRIES');
    assert.deepEqual(lines(only), [RULES_PER_PORT_MAX + 1, RULES_PER_PORT_MAX + 2]);
    assert.equal(refusal(entries(RULES_PER_PORT_MAX + 2)), 'GUARD_ENTRIES');
  });
});

test('other protocols are reported, without a statement', () => {
  const [only, ...others] = limits('', { otherProtocols: ['UDP-Lite', 'SCTP', 'UDP-Lite'] });
  assert.deepEqual(others, []);
  assert.equal(only?.instead, 'ports of UDP-Lite and SCTP are not judged');
  assert.deepEqual([only.differs, only.count, only.statements], [false, 0, []]);
});
