// Tests of profiles with errors: the finding, its place and its hint.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { processorBound } from '../../../test/support/processor.ts';
import { PortreeveError } from '../../base/errors.ts';
import { parseJobName } from '../../base/job.ts';
import { PROFILE_ERRORS_MAX, PROFILE_INCLUDE_DEPTH_MAX, PROFILE_MAX_BYTES } from '../../base/limits.ts';
import type { Finding } from '../../text/source.ts';
import { decodeProfile } from './decode.ts';
import { formatProfile } from './format.ts';
import { type ParseOptions, parseProfile } from './parse.ts';

const parse = (text: string, options?: ParseOptions) => parseProfile({ file: 'f', text }, options);

const ZOS: ParseOptions = { zosNames: true };
const SYMBOLS: ParseOptions = { symbols: { JOB: 'WEB', PORT: '80', TWO: '80 TCP' } };
const A64 = 'A'.repeat(64);
/** A record of 80 characters whose last eight are a sequence number. */
const record = (text: string, number: string): string => `${text.padEnd(72)}${number}\n`;

function includes(files: Readonly<Record<string, string>>): ParseOptions {
  return {
    include: (path) => {
      const text = files[path];
      return text === undefined ? { problem: 'it is not there' } : { file: path, text };
    },
  };
}

/** The first finding: severity, code, line and column, part of the message, and part of the hint. */
type Row = readonly [
  text: string,
  reported: `${Finding['severity']} ${string} ${number}:${number}`,
  message: string,
  hint?: string,
  options?: ParseOptions,
];

const DIGITS = 'decimal digits only';
const NO_BLANK = 'Put a blank before the semicolon of a comment.';
const SEQUENCE = 'Remove the sequence numbers';
const BOTH = 'Write one entry for TCP and one for UDP.';

const TABLES: Readonly<Record<string, readonly Row[]>> = {
  'parameters without their statement': [
    [
      'PORT 80 TCP WEB\nEPHEMERALPORTS 50000 60000',
      'error PORT_NUMBER 2:1',
      '"EPHEMERALPORTS" was found',
      'EPHEMERALPORTS is a parameter of TCPCONFIG and UDPCONFIG.',
    ],
    [
      'RESTRICTLOWPORTS',
      'error STATEMENT_UNKNOWN 1:1',
      'a statement was expected',
      'RESTRICTLOWPORTS is a parameter of TCPCONFIG and UDPCONFIG.',
    ],
    [
      'EXPLICITBINDPORTRANGE 5000 1000',
      'error STATEMENT_UNKNOWN 1:1',
      'a statement was expected',
      'EXPLICITBINDPORTRANGE is a parameter of GLOBALCONFIG.',
    ],
  ],
  'port numbers': [
    ['PORT 0 TCP WEB', 'error PORT_NUMBER 1:6', '"0" was found', 'Port 0 stands for any port'],
    ['PORT 65536 TCP WEB', 'error PORT_NUMBER 1:6', 'a port from 1 to 65535', 'The highest port is 65535.'],
    ['PORT 99999999999 TCP WEB', 'error PORT_NUMBER 1:6', '"99999999999"', 'The highest port is 65535.'],
    ['PORT -1 TCP WEB', 'error PORT_NUMBER 1:6', '"-1" was found', DIGITS],
    ['PORT +80 TCP WEB', 'error PORT_NUMBER 1:6', '"+80" was found', DIGITS],
    ['PORT 0x50 TCP WEB', 'error PORT_NUMBER 1:6', '"0x50" was found', DIGITS],
    ['PORT 1e3 TCP WEB', 'error PORT_NUMBER 1:6', '"1e3" was found', DIGITS],
    ['PORT 80.0 TCP WEB', 'error PORT_NUMBER 1:6', '"80.0" was found', DIGITS],
    ['PORT 80,81 TCP WEB', 'error PORT_NUMBER 1:6', '"80,81" was found', DIGITS],
    ['PORT ８０ TCP WEB', 'error PORT_NUMBER 1:6', '"８０" was found', DIGITS],
    ['PORT http TCP WEB', 'error PORT_NUMBER 1:6', '"http" was found and a port from 1'],
    [
      'PORT 80-90 TCP WEB',
      'error PORT_NUMBER 1:6',
      '"80-90"',
      'PORTRANGE 80 11: its first port and the number',
    ],
    ['PORTRANGE 80-90 TCP WEB', 'error PORT_NUMBER 1:11', '"80-90"', 'Write a range as PORTRANGE 80 11'],
    ['PORT 80/tcp WEB', 'error PORT_NUMBER 1:6', '"80/tcp" was found', 'Write 80 TCP.'],
    ['PORT 90-80 TCP WEB', 'error PORT_NUMBER 1:6', '"90-80"', DIGITS],
    ['PORTRANGE 80 0 TCP WEB', 'error PORT_NUMBER 1:14', 'a number of ports from 1', 'at least one port'],
    ['PORTRANGE 80 65536 TCP WEB', 'error PORT_NUMBER 1:14', 'a number of ports from 1 to 65535'],
    ['PORTRANGE 80 TCP WEB', 'error PORT_NUMBER 1:14', '"TCP" was found', 'reserve a single port with PORT'],
    [
      'PORTRANGE 65535 2 TCP WEB',
      'warning RANGE_CLIPPED 1:17',
      'only 65535-65535',
      'Write PORTRANGE 65535 1.',
    ],
    ['TCPCONFIG EPHEMERALPORTS 1023 5000', 'error PORT_NUMBER 1:26', 'from 1024 to 65535'],
    ['UDPCONFIG EPHEMERALPORTS 5000 4999', 'error PORT_NUMBER 1:31', 'from 5000 to 65535'],
    [
      'GLOBALCONFIG EXPLICITBINDPORTRANGE 0 5',
      'error PORT_NUMBER 1:36',
      'the first port of the range from 1',
    ],
  ],
  protocols: [
    ['PORT 80 TCP/UDP WEB', 'error SYNTAX 1:9', '"TCP/UDP" was found and TCP or UDP was expected', BOTH],
    ['PORT 80 tcp,udp WEB', 'error SYNTAX 1:9', '"tcp,udp" was found', BOTH],
    ['PORT 80 BOTH WEB', 'error SYNTAX 1:9', '"BOTH" was found', BOTH],
    ['PORT 80 SCTP WEB', 'error SYNTAX 1:9', '"SCTP" was found and TCP or UDP was expected'],
    ['PORT 80', 'error SYNTAX 1:8', 'end of file was found and TCP or UDP was expected'],
    ['PORT 53 UDP NAMED SMC', 'error OPTION_PROTOCOL 1:19', 'SMC is an option for TCP'],
    ['PORT UNRSV UDP * WHENLISTEN', 'error OPTION_PROTOCOL 1:18', 'a UDP socket does not listen'],
    ['PORTRANGE 50000 2 UDP AUTHPORT', 'error OPTION_PROTOCOL 1:23', 'AUTHPORT is for TCP'],
    ['PORT 53 UDP NAMED DELAYACKS', 'warning OPTION_PROTOCOL 1:19', 'no effect on UDP'],
  ],
  jobs: [
    [`PORT 80 TCP ${A64}B`, 'error JOB 1:13', 'it has 65 characters, and a job name has at most 64'],
    ['PORT 80 TCP ABCDEFGHI', 'error JOB 1:13', 'it has 9 characters', '', ZOS],
    ['PORT 80 TCP WEB_1', 'error JOB 1:13', 'has only the characters A-Z 0-9 @ # $ and', '', ZOS],
    ['PORT 80 TCP WEB/1', 'error JOB 1:13', 'has only the characters A-Z 0-9 @ # $ _ . - and'],
    ['PORT 80 TCP "WEB"', 'error JOB 1:13', 'has only the characters'],
    ['PORT 80 TCP straße', 'error JOB 1:13', 'has only the characters'],
    ['PORT 80 TCP ſmtp', 'error JOB 1:13', 'has only the characters'],
    ['PORT 80 TCP WEB\u00a0', 'error JOB 1:13', 'has only the characters'],
    [
      'PORT 80 TCP\n443 TCP WEB',
      'error SYNTAX 2:1',
      '"443" was found and a job name',
      'The job name is missing.',
    ],
    ['PORT 80 TCP\nPORT 443 TCP WEB', 'error SYNTAX 2:1', '"PORT" was found', 'The job name is missing.'],
    ['PORT 80 TCP AUTHPORT', 'error SYNTAX 1:13', '"AUTHPORT"', 'AUTHPORT is an entry of PORTRANGE only.'],
    ['PORT 80 TCP RESERVED SMC', 'error SYNTAX 1:22', '"SMC" was found', 'RESERVED has no options'],
    ['PORT UNRSV TCP RESERVED', 'error SYNTAX 1:16', '"RESERVED" was found', 'write * DENY'],
    ['PORT UNRSV TCP WEB DENY', 'error UNRSV_DENY_JOB 1:20', 'DENY on line 1 can only be used with'],
    ['PORT 80 TCP HOME', 'warning JOB_LIKE_STATEMENT 1:13', 'HOME is also the name of a statement'],
  ],
  options: [
    ['PORT 80 TCP WEB SHAREPORTS', 'error PORT_NUMBER 1:17', '"SHAREPORTS"', 'Did you mean SHAREPORT?'],
    ['PORT 80 TCP WEB SMC NOAUTOLOG', 'error OPTION_ORDER 1:21', '"NOAUTOLOG"', 'in this order: NOAUTOLOG'],
    [
      'PORTRANGE 80 2 TCP WEB BIND ::1',
      'error OPTION_PORTRANGE 1:24',
      '"BIND"',
      'BIND is an option of PORT only',
    ],
    ['PORTRANGE UNRSV TCP *', 'error OPTION_PORTRANGE 1:11', '"UNRSV"', 'UNRSV is an entry of PORT only.'],
    ['PORT 80 TCP WEB BIND 256.0.0.1', 'error SYNTAX 1:22', 'an IP address was expected', '2001:db8::7'],
    ['PORT 80 TCP WEB BIND fe80::1%eth0', 'error SYNTAX 1:22', 'an IP address was expected'],
    ['PORT 80 TCP WEB BIND 0.0.0.0', 'warning BIND_ADDRESS 1:22', 'has no effect'],
    [
      'PORT 80 TCP WEB BIND ::ffff:192.0.2.7',
      'warning BIND_ADDRESS 1:22',
      'IPv4-mapped',
      'Write the IPv4 address',
    ],
    ['PORT 80 TCP WEB SAF', 'error SYNTAX 1:20', 'end of file was found and the resname of SAF'],
    ['PORT 80 TCP WEB SAF 0', 'error RESNAME 1:21', '"0" is not a valid resname: a single 0'],
    ['PORT 80 TCP WEB SAF NINECHARS', 'error RESNAME 1:21', 'it has 9 characters'],
  ],
  statements: [
    ['PORTS 80 TCP WEB', 'error STATEMENT_UNKNOWN 1:1', '"PORTS" was found', 'Did you mean PORT?'],
    ['80 TCP WEB', 'error STATEMENT_UNKNOWN 1:1', '"80" was found', 'Begin a list of ports with PORT'],
    ['ENDAUTOLOG', 'error STATEMENT_UNKNOWN 1:1', '"ENDAUTOLOG" was found and a statement'],
    ['PORT', 'warning EMPTY 1:1', 'PORT has no entries'],
    ['TCPCONFIG NOSUCH', 'error PARAMETER_UNKNOWN 1:11', 'a parameter of TCPCONFIG was expected'],
    ['AUTOLOG 31 FTPD ENDAUTOLOG', 'error SYNTAX 1:9', 'a number of minutes from 0 to 30'],
    ['AUTOLOG FTP* ENDAUTOLOG', 'error JOB 1:9', 'the name of a procedure', 'it has a wildcard'],
    ['AUTOLOG WEB PARMSTRING -x ENDAUTOLOG', 'error SYNTAX 1:24', 'a quoted string was expected'],
    ['HOME', 'notice STATEMENT_SKIPPED 1:1', 'HOME does not concern ports and is skipped'],
    ['TCPCONFIG NAGLE', 'notice PARAMETER_SKIPPED 1:11', 'TCPCONFIG: NAGLE'],
  ],
  'a missing end word': [
    [
      'AUTOLOG 5\n  FTPD\nPORT 80 TCP WEB',
      'error END_MISSING 1:1',
      'AUTOLOG has no ENDAUTOLOG: everything from line 3 on is ignored',
      'Add ENDAUTOLOG before line 3, which begins with PORT.',
    ],
    [
      'AUTOLOG FTPD PORT 80 TCP WEB',
      'error END_MISSING 1:1',
      'everything from line 1 on is ignored',
      'Add ENDAUTOLOG before PORT on line 1.',
    ],
    [
      'AUTOLOG 5\n  FTPD\n',
      'error END_MISSING 1:1',
      'the rest of the file',
      'Add ENDAUTOLOG at the end of the file.',
    ],
    [
      'NETACCESS\n  192.0.2.0/24 NET\nHOME\nPORT 80 TCP WEB',
      'error END_MISSING 1:1',
      'NETACCESS has no ENDNETACCESS: everything from line 4 on is ignored',
      'Add ENDNETACCESS before line 4, which begins with PORT.',
    ],
  ],
  includes: [
    ['INCLUDE', 'error SYNTAX 1:8', 'end of file was found and the file to be included was expected'],
    ['INCLUDE x', 'error INCLUDE 1:9', '"x" cannot be included: files are not read here'],
    ['INCLUDE x', 'error INCLUDE 1:9', '"x" cannot be included: it is not there', '', includes({})],
    ['; \n INCLUDE f', 'error INCLUDE 2:10', '"f" includes itself: f includes f', '', includes({ f: '' })],
    [
      'INCLUDE a',
      'error INCLUDE 1:9',
      '"a" includes itself: f includes a includes b includes a',
      '',
      includes({ a: 'INCLUDE b', b: 'INCLUDE a' }),
    ],
  ],
  symbols: [
    ['PORT 80 TCP &NO.', 'error SYMBOL_UNKNOWN 1:13', 'the symbol &NO. has no value', '--symbol NO=VALUE'],
    ['PORT 80 TCP &constructor.', 'error SYMBOL_UNKNOWN 1:13', '&CONSTRUCTOR. has no value'],
    ['PORT 80 TCP &__proto__', 'error JOB 1:13', '"&__proto__" was found', '', SYMBOLS],
    ['PORT &TWO. WEB', 'error PORT_NUMBER 1:6', '"&TWO." was found and a port', '', SYMBOLS],
  ],
  'a comment without a preceding blank': [
    ['PORT 25 TCP SMTP;comment', 'error JOB 1:13', '"SMTP;comment" was found', NO_BLANK],
    ['PORT 25 TCP;comment\n SMTP', 'error SYNTAX 1:9', '"TCP;comment" was found', NO_BLANK],
    ['PORT 25;comment\n TCP SMTP', 'error PORT_NUMBER 1:6', '"25;comment" was found', NO_BLANK],
    ['PORT;comment\n 25 TCP SMTP', 'error STATEMENT_UNKNOWN 1:1', '"PORT;comment" was found', NO_BLANK],
    ['TCPCONFIG NAGLE;comment', 'error PARAMETER_UNKNOWN 1:11', '"NAGLE;comment" was found', NO_BLANK],
  ],
  'sequence numbers in columns 73 to 80': [
    [record('PORT', '00000100'), 'error SYNTAX 1:73', '"00000100" was found and a port', SEQUENCE],
    [record('PORT 80 TCP WEB', '00000100'), 'error SYNTAX 1:73', '"00000100" was found', SEQUENCE],
    [record('PORT 80 TCP', '00000100'), 'error SYNTAX 1:73', 'a job name or RESERVED', SEQUENCE],
    [record('PORTRANGE 80', '00000100'), 'error SYNTAX 1:73', 'the number of ports', SEQUENCE],
    [record('; comment', '00000100') + record('HOME', '00000200'), 'notice STATEMENT_SKIPPED 2:1', 'HOME'],
    [record('TCPCONFIG', '00000100'), 'error PARAMETER_UNKNOWN 1:73', '"00000100"', SEQUENCE],
    [
      record('AUTOLOG 5', '00000100') + record('ENDAUTOLOG', '00000200'),
      'error SYNTAX 1:73',
      '"00000100"',
      SEQUENCE,
    ],
    [record('', '00000100'), 'error STATEMENT_UNKNOWN 1:73', '"00000100"', SEQUENCE],
  ],
};

for (const [name, rows] of Object.entries(TABLES)) {
  describe(name, () => {
    for (const [text, reported, message, hint = '', options] of rows) {
      test(JSON.stringify(text.replace(/ {9,}/g, ' … ')), () => {
        const { findings } = parse(text, options);
        const [first] = findings;
        assert.ok(first);
        const { severity, code, place } = first;
        assert.equal(`${severity} ${code} ${place.line}:${place.column}`, reported);
        assert.ok(first.message.includes(message), first.message);
        assert.ok(first.hint.includes(hint), first.hint);
      });
    }
  });
}

/** Valid inputs that are similar to the invalid ones. */
describe('there is no finding for', () => {
  for (const [text, options] of [
    ['PORT 1 TCP WEB 65535 TCP WEB'],
    ['PORT 00080 TCP WEB'],
    ['PORTRANGE 65535 1 TCP WEB 1 1 TCP WEB'],
    [`PORT 80 TCP ${A64}`],
    ['PORT 80 TCP ABCDEFGH', ZOS],
    ['PORT 80 TCP &JOB', SYMBOLS],
    ['PORT 80 TCP &job. &PORT.81 TCP A&JOB.B', { symbols: { JOB: 'WEB', PORT: '80' } }],
    ['PORT 25 TCP SMTP ;comment'],
    ['PORT\t25\tTCP\tSMTP\t;comment'],
    ['PORT 80 TCP reserved'],
    ['AUTOLOG 0 FTPD ENDAUTOLOG'],
    [record('PORT 80 TCP WEB ; in a comment', '00000100')],
    [`${' '.repeat(71)}PORT 80 TCP WEB`],
    [`PORT${' '.repeat(68)}80 TCP WEB`],
    ['PORT 80 TCP WEB BIND 255.0.0.1'],
    ['TCPCONFIG EPHEMERALPORTS 1024 1024'],
  ] satisfies readonly (readonly [string, ParseOptions?])[]) {
    test(JSON.stringify(text.replace(/ {9,}/g, ' … ')), () =>
      assert.deepEqual(parse(text, options).findings, []),
    );
  }

  test('the maximum nesting of INCLUDE', () => {
    const files = (count: number): ParseOptions => {
      const names = Array.from({ length: count }, (_, i): [string, string] => [`${i}`, `INCLUDE ${i + 1}`]);
      return includes({ ...Object.fromEntries(names), [count]: 'PORT 80 TCP WEB' });
    };
    assert.deepEqual(parse('INCLUDE 1', files(PROFILE_INCLUDE_DEPTH_MAX)).findings, []);
    const [finding, ...others] = parse('INCLUDE 1', files(PROFILE_INCLUDE_DEPTH_MAX + 1)).findings;
    assert.equal(finding?.message, `INCLUDE is nested more than ${PROFILE_INCLUDE_DEPTH_MAX} deep`);
    assert.deepEqual([finding.place.file, others.length], [`${PROFILE_INCLUDE_DEPTH_MAX}`, 0]);
  });
});

test('each sequence number is reported, and the rest of its line is read', () => {
  const text =
    record('PORT', '00000100') + record('  80 TCP WEB', '00000200') + record('  443 TCP WEB', '00000300');
  const { statements, findings } = parse(text);
  assert.deepEqual(
    findings.map(({ place }) => [place.line, place.column]),
    [
      [1, 73],
      [2, 73],
      [3, 73],
    ],
  );
  const [statement] = statements;
  const ports = statement?.kind === 'PORT' ? statement.entries.map(({ words }) => words[0]) : [];
  assert.deepEqual(ports, ['80', '443']);
});

test('statements after an AUTOLOG without ENDAUTOLOG are read and ignored', () => {
  const { statements } = parse('PORT 21 TCP FTPD\nAUTOLOG\n FTPD\nPORT 80 TCP WEB');
  const entries = statements.flatMap((statement) => (statement.kind === 'PORT' ? statement.entries : []));
  assert.deepEqual(
    entries.map(({ words, isIgnored }) => [words.join(' '), isIgnored]),
    [
      ['21 TCP FTPD', false],
      ['80 TCP WEB', true],
    ],
  );
});

test('RESERVED and AUTHPORT are not job names', () => {
  for (const word of ['reserved', 'RESERVED', 'AuthPort']) {
    assert.throws(
      () => parseJobName(word),
      (thrown) =>
        thrown instanceof PortreeveError && thrown.code === 'JOB_INVALID' && /not a job/.test(thrown.message),
    );
  }
  assert.equal(parseJobName('reserved1'), 'RESERVED1');
});

describe('a file of the maximum size is read in bounded time', () => {
  const size = PROFILE_MAX_BYTES;
  const texts: Readonly<Record<string, readonly [text: string, findings: number]>> = {
    'one word': ['x'.repeat(size), 1],
    'one job': [`PORT 80 TCP ${'A'.repeat(size - 12)}`, 1],
    'blanks between two words': [`PORT${' '.repeat(size - 12)}80 TCP A`, 0],
    'a million blank lines': [`PORT${' \n'.repeat(1_000_000)}80 TCP A`, 0],
    'a million comments within an entry': [`PORT 80 ${';\n'.repeat(1_000_000)}TCP A`, 0],
    'a number': [`PORT ${'9'.repeat(size - 5)}`, 1],
  };
  for (const [name, [text, count]] of Object.entries(texts)) {
    test(name, () => {
      const bytes = new TextEncoder().encode(text);
      const assertBounded = processorBound();
      const { findings } = parse(decodeProfile(bytes, 'f'));
      assertBounded();
      assert.equal(findings.length, count);
    });
  }
});

describe('more entries than a function may have arguments are formatted and read again', () => {
  const MANY = 150_000;
  for (const [name, text] of Object.entries({
    ports: `PORT\n${'80 TCP A ; a comment\n'.repeat(MANY)}`,
    parameters: `TCPCONFIG${' NAGLE'.repeat(MANY)}`,
    procedures: `AUTOLOG\n${'A ; a comment\n'.repeat(MANY)}ENDAUTOLOG`,
    comments: `PORT 80 TCP\n${'; a comment\n'.repeat(MANY)}A`,
  })) {
    test(name, () => {
      const once = formatProfile(parse(text));
      assert.ok(once.length > MANY);
      assert.ok(formatProfile(parse(once)) === once);
    });
  }
});

describe('a file with errors only', () => {
  const LINES = 50_000;
  for (const [name, text] of Object.entries({
    'unknown statements': 'NOSTATEMENT\nPORT\n'.repeat(LINES),
    'invalid entries': `PORT\n${'NOAUTOLOGICAL TCP\n'.repeat(LINES)}`,
    'statements without end word': 'NETACCESS\nPORT\n'.repeat(LINES),
    'lists without end word': 'AUTOLOG HOME\n'.repeat(LINES),
  })) {
    test(`${name}: the first errors are reported, and the rest is read in bounded time`, () => {
      const assertBounded = processorBound();
      const { findings } = parse(text);
      assertBounded();
      const errors = findings.filter(({ severity }) => severity === 'error');
      assert.equal(errors.length, PROFILE_ERRORS_MAX + 1);
      assert.equal(errors.at(-1)?.message, `${LINES - PROFILE_ERRORS_MAX} more errors are not shown`);
    });
  }
});
