/** BPXPRMxx members: the ranges for bind(2) to port 0 and the wildcard address, and the errors. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { processorBound } from '../../../test/support/processor.ts';
import { type BpxprmText, parseBpxprm } from './bpxprm.ts';

const parse = (text: string): BpxprmText => parseBpxprm({ file: 'BPXPRM00', text });
const ranges = (text: string): (readonly [number, number])[] =>
  parse(text).ranges.map(({ first, last }) => [first, last]);
const findings = (text: string): string[] =>
  parse(text).diagnostics.map(
    ({ severity, code, place }) => `${severity} ${code} ${place.line}:${place.column}`,
  );
const messages = (text: string): string =>
  parse(text)
    .diagnostics.map(({ message, hint }) => `${message}. ${hint}`)
    .join('\n');

const network = (operands: string): string => `NETWORK DOMAINNAME(AF_INET) TYPE(CINET)\n${operands}`;

/** "Figure: SYS1.PARMLIB(BPXPRMxx) for CINET", z/OS Communications Server: IP Configuration Guide. */
const CINET_MEMBER = `
 /* AF_INET file system for sockets */
 /* CINET support - BPXTCINT */
 FILESYSTYPE TYPE(CINET)
             ENTRYPOINT(BPXTCINT)
 NETWORK DOMAINNAME(AF_INET)
         DOMAINNUMBER(2)
         MAXSOCKETS(10000) TYPE(CINET)
         INADDRANYPORT(40000)
         INADDRANYCOUNT(2000)
 NETWORK DOMAINNAME(AF_INET6)
         DOMAINNUMBER(19)
         MAXSOCKETS(10000) TYPE(CINET)
 SUBFILESYSTYPE NAME(TCPIP1A)
                TYPE(CINET)
                ENTRYPOINT(EZBPFINI)
                DEFAULT
 SUBFILESYSTYPE NAME(TCPIP1B)
                TYPE(CINET)
                ENTRYPOINT(EZBPFINI)
`;

test('a member of a system with common INET', () => {
  const { ranges: found, kernelJob, diagnostics } = parse(CINET_MEMBER);
  const place = { file: 'BPXPRM00', line: 6, column: 2, length: 7 };
  assert.deepEqual(found, [{ first: 40000, last: 41999, domain: 'AF_INET', place }]);
  assert.equal(kernelJob, undefined);
  assert.equal(diagnostics.length, 1);
  assert.equal(diagnostics[0]?.message, '3 statements are skipped: FILESYSTYPE, SUBFILESYSTYPE');
  assert.equal(diagnostics[0]?.severity, 'notice');
  assert.equal(diagnostics[0]?.place.line, 4);
});

describe('a range', () => {
  const cases: readonly (readonly [operands: string, first: number, last: number])[] = [
    ['INADDRANYPORT(40000) INADDRANYCOUNT(2000)', 40000, 41999],
    ['INADDRANYCOUNT(2000) INADDRANYPORT(40000)', 40000, 41999],
    ['inaddranyport(1) inaddranycount(1)', 1, 1],
    ['INADDRANYPORT(1) INADDRANYCOUNT(65535)', 1, 65535],
    ['INADDRANYPORT(65535) INADDRANYCOUNT(1)', 65535, 65535],
    ['INADDRANYPORT(65534) INADDRANYCOUNT(2)', 65534, 65535],
    // "Blanks are allowed between parameters and values".
    ['INADDRANYPORT ( 5000 ) /* a */ INADDRANYCOUNT\n(/* b */10)', 5000, 5009],
    ['INADDRANYPORT(5000)INADDRANYCOUNT(10)', 5000, 5009],
    ['INADDRANYPORT(5000), INADDRANYCOUNT(10)', 5000, 5009],
  ];
  for (const [operands, first, last] of cases) {
    test(operands, () => {
      assert.deepEqual(ranges(network(operands)), [[first, last]]);
      assert.deepEqual(findings(network(operands)), []);
    });
  }

  // BPXF212I: "NEITHER INADDRANYPORT NOR INADDRANYCOUNT WAS SPECIFIED ... DEFAULTED TO INADDRANYPORT(63000) AND
  // INADDRANYCOUNT(1000)"
  test('has a default', () => {
    assert.deepEqual(ranges(network('')), [[63000, 63999]]);
    const [warning] = parse(network('')).diagnostics;
    assert.equal(warning?.severity, 'warning');
    assert.equal(warning?.zos, 'BPXF212I');
  });

  // "If you do not want to support any reserved ports, then specify INADDRANYPORT(xxx) without specifying
  // INADDRANYCOUNT."
  test('without a count is no range', () => {
    assert.deepEqual(ranges(network('INADDRANYPORT(40000)')), []);
    assert.deepEqual(findings(network('INADDRANYPORT(40000)')), ['notice BPXPRM_NONE_KEPT 2:1']);
  });
});

describe('other networks have no range', () => {
  // "These parameters only apply to CINET."
  test('TYPE(INET)', () => {
    const text = 'NETWORK DOMAINNAME(AF_INET) TYPE(INET) INADDRANYPORT(6000) INADDRANYCOUNT(1000)';
    assert.deepEqual(ranges(text.slice(0, 71)), []);
    assert.deepEqual(findings(text.replace(' INADDRANYCOUNT', '\nINADDRANYCOUNT')), [
      'notice BPXPRM_PASSED_OVER 1:40',
      'notice BPXPRM_PASSED_OVER 2:1',
    ]);
    assert.deepEqual(findings('NETWORK DOMAINNAME(AF_INET) TYPE(INET)'), []);
  });

  test('AF_INET6, which uses the values of AF_INET', () => {
    const text = 'NETWORK DOMAINNAME(AF_INET6) TYPE(CINET)\n INADDRANYPORT(6000) INADDRANYCOUNT(1000)';
    assert.deepEqual(ranges(text), []);
    assert.match(messages(text), /The value of AF_INET applies to AF_INET6 too/);
    assert.deepEqual(ranges(`${text}\n${network('INADDRANYPORT(5000) INADDRANYCOUNT(1)')}`), [[5000, 5000]]);
  });

  test('AF_UNIX', () => {
    assert.deepEqual(parse('NETWORK DOMAINNAME(AF_UNIX) DOMAINNUMBER(1) TYPE(UDS)'), {
      ranges: [],
      kernelJob: undefined,
      diagnostics: [],
    });
  });
});

describe('an error is reported, and gives no range', () => {
  const cases: readonly (readonly [text: string, message: RegExp])[] = [
    [network('INADDRANYPORT(0) INADDRANYCOUNT(10)'), /"0" is not a port/],
    [network('INADDRANYPORT(65536) INADDRANYCOUNT(1)'), /"65536" is not a port/],
    [network('INADDRANYPORT(0x10) INADDRANYCOUNT(1)'), /"0x10" is not a port/],
    [network('INADDRANYPORT() INADDRANYCOUNT(1)'), /"" is not a port/],
    [network('INADDRANYPORT(4 0) INADDRANYCOUNT(1)'), /"4 0" is not a port/],
    [network('INADDRANYPORT(0)'), /"0" is not a port/],
    [network('INADDRANYPORT(5000) INADDRANYCOUNT(0)'), /"0" is not a number of ports/],
    [network('INADDRANYPORT(5000) INADDRANYCOUNT(-1)'), /"-1" is not a number of ports/],
    [network('INADDRANYPORT(65535) INADDRANYCOUNT(2)'), /exceed 65535.*at most 1\./],
    [network('INADDRANYPORT(63000) INADDRANYCOUNT(2537)'), /exceed 65535.*at most 2536\./],
    [network('INADDRANYCOUNT(10)'), /needs INADDRANYPORT/],
    [network('INADDRANYPORT INADDRANYCOUNT(10)'), /INADDRANYPORT needs a value/],
    [network('INADDRANYPORT(5000) INADDRANYPORT(5000) INADDRANYCOUNT(1)'), /is given twice/],
    ['NETWORK DOMAINNAME(AF_INET) INADDRANYPORT(5000)', /NETWORK needs TYPE/],
    ['NETWORK TYPE(CINET)', /NETWORK needs DOMAINNAME/],
    ['NETWORK(AF_INET)', /has no value/],
  ];
  for (const [text, message] of cases) {
    test(text.replace('\n', ''), () => {
      assert.deepEqual(ranges(text), []);
      assert.match(messages(text), message);
      assert.equal(parse(text).diagnostics[0]?.severity, 'error');
      // The next statement is still read.
      assert.deepEqual(ranges(`${text}\n${network('INADDRANYPORT(5000) INADDRANYCOUNT(1)')}`), [
        [5000, 5000],
      ]);
    });
  }

  test('every error is reported in one run', () => {
    assert.deepEqual(findings(`NETWORK\n${network('INADDRANYPORT(0) INADDRANYCOUNT(0)')}`), [
      'error BPXPRM_NETWORK 1:1',
      'error BPXPRM_NETWORK 1:1',
      'error BPXPRM_NETWORK 3:1',
      'error BPXPRM_NETWORK 3:18',
    ]);
  });

  const forms: readonly (readonly [text: string, ...findings: string[]])[] = [
    ['MAXPROCSYS(200', 'error SYNTAX 1:11'],
    ["VERSION('a)", 'error SYNTAX 1:9'],
    ['/* a', 'error SYNTAX 1:1'],
    ['MAXPROCSYS /* a', 'error SYNTAX 1:12'],
    ['MAXPROCSYS(200)\nMAXPROCUSER(', 'error SYNTAX 2:12', 'notice BPXPRM_SKIPPED 1:1'],
    ['MAXPROCSYS(200))', 'error SYNTAX 1:16', 'notice BPXPRM_SKIPPED 1:1'],
    ['(200)', 'error SYNTAX 1:1'],
    ["'a'", 'error SYNTAX 1:1'],
    ['/* a\n/* b */', 'warning BPXPRM_COMMENT 1:1'],
  ];
  for (const [text, ...expected] of forms) test(text, () => assert.deepEqual(findings(text), expected));

  test('an unclosed token makes its statement ignored', () => {
    const operands = 'INADDRANYPORT(5000) INADDRANYCOUNT(1)';
    assert.deepEqual(ranges(network(operands)), [[5000, 5000]]);
    for (const open of [operands.slice(0, -1), `${operands} /*`, `${operands} '`, `${operands} (`]) {
      assert.deepEqual(ranges(network(open)), []);
    }
    assert.deepEqual(ranges(`${network(operands)}\nMAXPROCSYS(`), [[5000, 5000]]);
  });
});

describe('a second range', () => {
  const one = network('INADDRANYPORT(5000) INADDRANYCOUNT(1)\n');
  test('is kept, with a warning', () => {
    assert.deepEqual(ranges(one + one), [
      [5000, 5000],
      [5000, 5000],
    ]);
    const [warning] = parse(one + one).diagnostics;
    assert.equal(warning?.code, 'BPXPRM_TWICE');
    assert.equal(warning?.related?.place.line, 1);
  });
});

describe('other statements are skipped', () => {
  test('known or not, with one notice', () => {
    const text = `
      MAXPROCSYS(400) MAXPROCUSER (16)   CTRACE(CTIBPX00)
      ROOT FILESYSTEM('OMVS.ROOT') TYPE(HFS) MODE(RDWR)   MKDIR('a(b')
      MOUNT FILESYSTEM('O''M') TYPE(ZFS) NOAUTOMOVE
      NEWTHING(5) VERSION('VER14')
      MAXPROCSYS(400)
    `;
    assert.deepEqual(ranges(text), []);
    const [notice, ...rest] = parse(text).diagnostics;
    assert.deepEqual(rest, []);
    const names = 'MAXPROCSYS, MAXPROCUSER, CTRACE, ROOT, MOUNT, VERSION';
    assert.equal(notice?.message, `7 statements are skipped: ${names}`);
  });

  test('a word after a statement with a value begins another statement', () => {
    assert.match(messages('MAXPROCSYS(400) NEWTHING(5)'), /2 statements are skipped: MAXPROCSYS, NEWTHING/);
  });

  test('a mistyped operand of NETWORK is reported', () => {
    const text = network('INADRANYPORT(5000)');
    assert.match(messages(text), /INADRANYPORT is not an operand of NETWORK/);
    assert.deepEqual(findings(text), [
      'warning BPXPRM_OPERAND_UNKNOWN 2:1',
      'warning BPXPRM_DEFAULT 1:1',
      'notice BPXPRM_SKIPPED 2:1',
    ]);
  });

  test('operands of NETWORK in another statement are reported', () => {
    const text = 'FILESYSTYPE TYPE(CINET)\nNETWRK TYPE(CINET) INADDRANYPORT(5000)';
    assert.match(messages(text), /INADDRANYPORT is an operand of NETWORK, not of "FILESYSTYPE"/);
  });

  test('only the first names are listed', () => {
    const text = Array.from({ length: 30 }, (_, i) => `A${i}(1)`).join('\n');
    assert.match(messages(text), /^30 statements are skipped: A0, .*, A19 and 10 more/);
  });

  // PORTRANGE: "This name is typically OMVS unless a different name is explicitly specified in the STARTUP_PROC
  // parameter in the BPXPRMxx parmlib member."
  test('except STARTUP_PROC', () => {
    assert.equal(parse('STARTUP_PROC(omvs2)').kernelJob, 'OMVS2');
    assert.deepEqual(findings('STARTUP_PROC(OMVS2)'), []);
    for (const text of ['STARTUP_PROC', 'STARTUP_PROC()', 'STARTUP_PROC(O*)', 'STARTUP_PROC(TOOLONGNAME)']) {
      assert.equal(parse(text).kernelJob, undefined);
      assert.deepEqual(findings(text), ['error BPXPRM_STARTUP_PROC 1:1']);
    }
  });
});

// "Use columns 1 through 71 for data; columns 72 through 80 are ignored."
describe('columns', () => {
  const line = 'NETWORK DOMAINNAME(AF_INET) TYPE(CINET) INADDRANYPORT(40000)'.padEnd(71);
  const count = 'INADDRANYCOUNT(10)';

  test('72 to 80 may hold sequence numbers', () => {
    const text = `${line} 00010000\n${count.padEnd(72)}00020000\r\n`;
    assert.deepEqual(ranges(text), [[40000, 40009]]);
    assert.deepEqual(findings(text), []);
  });

  test('text after column 71 is ignored with a warning', () => {
    assert.deepEqual(ranges(`${line}${count}`), []);
    assert.deepEqual(findings(`${line}${count}`), [
      'warning BPXPRM_COLUMN 1:72',
      'notice BPXPRM_NONE_KEPT 1:41',
    ]);
    assert.deepEqual(ranges(`${line}\n${count}`), [[40000, 40009]]);
  });

  test('text up to column 71 is read', () => {
    const text = `${network('INADDRANYPORT(40000)')}\n${count.padStart(71)}`;
    assert.deepEqual(ranges(text), [[40000, 40009]]);
    assert.deepEqual(ranges(`${network('INADDRANYPORT(40000)')}\n${count.padStart(72)}`), []);
  });
});

const words = [
  ...[
    'NETWORK',
    'DOMAINNAME(AF_INET)',
    'TYPE(CINET)',
    'INADDRANYPORT(',
    'INADDRANYCOUNT',
    '(',
    ')',
    "'",
    '/*',
    '*/',
  ],
  ...['\n', '\n', '5000', '0', '65535', 'MAXPROCSYS', 'X(1)', ','],
];

describe('any text', () => {
  const text = fc.oneof(
    fc.string(),
    fc.string({ unit: 'binary' }),
    fc.array(fc.constantFrom(...words), { maxLength: 60 }).map((all) => all.join(' ')),
  );

  test('is read without exceptions, and gives valid ranges', () => {
    fc.assert(
      fc.property(text, (source) => {
        const { ranges: found, diagnostics } = parse(source);
        const lines = source.split('\n');
        for (const { first, last } of found) assert.ok(first >= 1 && first <= last && last <= 65535);
        for (const { place } of [...found, ...diagnostics]) {
          const line = lines[place.line - 1];
          assert.ok(line !== undefined && place.column + place.length - 1 <= line.length);
        }
      }),
    );
  });

  test('with a range gives that range', () => {
    const range = fc
      .integer({ min: 1, max: 65535 })
      .chain((first) => fc.tuple(fc.constant(first), fc.integer({ min: 1, max: 65536 - first })));
    fc.assert(
      fc.property(range, ([first, count]) => {
        const operands = `INADDRANYPORT(${first}) INADDRANYCOUNT(${count})`;
        assert.deepEqual(ranges(network(operands)), [[first, first + count - 1]]);
      }),
    );
  });

  for (const unit of [
    '(',
    ')',
    '/*',
    '/* */\n',
    "'",
    'A(1)\n',
    'A ',
    'NETWORK\n',
    '/*\n',
    "A('\n",
    `${network('')}\n`,
  ]) {
    test(`of many ${JSON.stringify(unit)} is read in bounded time`, () => {
      const assertBounded = processorBound();
      parse(unit.repeat(100_000));
      assertBounded();
    });
  }
});
