/** RACF commands: those that are used, those that are ignored, and errors. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { processorBound } from '../../../test/support/processor.ts';
import { parseRacf, type RacfText } from './racf.ts';

const parse = (text: string): RacfText => parseRacf({ file: 'racf', text });
const texts = (text: string): string[] => parse(text).commands.map((command) => command.text);
/** Severity, code and place of each finding. */
const findings = (text: string): string[] =>
  parse(text).diagnostics.map(
    ({ severity, code, place }) => `${severity} ${code} ${place.line}:${place.column}`,
  );
const messages = (text: string): string =>
  JSON.stringify(parse(text).diagnostics.map(({ message, hint }) => [message, hint]));

const WEB = 'EZB.PORTACCESS.*.*.WEB';

describe('commands are read', () => {
  test('RDEFINE', () => {
    assert.deepEqual(parse(`\n RDEFINE SERVAUTH ${WEB} UACC(NONE)\n`), {
      commands: [
        {
          kind: 'RDEFINE',
          place: { file: 'racf', line: 2, column: 2, length: 7 },
          text: `RDEFINE SERVAUTH ${WEB} UACC(NONE)`,
          profiles: [WEB],
          uacc: 'NONE',
        },
      ],
      diagnostics: [],
    });
  });

  test('PERMIT', () => {
    assert.deepEqual(parse(`PERMIT ${WEB} CLASS(SERVAUTH) ID(ALICE OPS) ACCESS(READ)`), {
      commands: [
        {
          kind: 'PERMIT',
          place: { file: 'racf', line: 1, column: 1, length: 6 },
          text: `PERMIT ${WEB} CLASS(SERVAUTH) ID(ALICE OPS) ACCESS(READ)`,
          profile: WEB,
          isReset: false,
          ids: ['ALICE', 'OPS'],
          access: 'READ',
        },
      ],
      diagnostics: [],
    });
  });

  /** Commands as written, and in full. */
  const cases: readonly (readonly [written: string, full: string])[] = [
    ['rdefine servauth a.b uacc(read)', 'RDEFINE SERVAUTH A.B UACC(READ)'],
    ['RDEF SERVAUTH A UACC(ALTER)', 'RDEFINE SERVAUTH A UACC(ALTER)'],
    ['RDEF SERVAUTH A', 'RDEFINE SERVAUTH A UACC(NONE)'],
    ['RDEF SERVAUTH (A B,C) UACC(U)', 'RDEFINE SERVAUTH (A B C) UACC(UPDATE)'],
    ['RDEF SERVAUTH (A)', 'RDEFINE SERVAUTH A UACC(NONE)'],
    ['RDEF SERVAUTH (A -\n B) -\n UACC(NONE)', 'RDEFINE SERVAUTH (A B) UACC(NONE)'],
    ['RDEF SERVAUTH A U(NONE)', 'RDEFINE SERVAUTH A UACC(NONE)'],
    ['RDEF SERVAUTH A UACC (NONE)', 'RDEFINE SERVAUTH A UACC(NONE)'],
    ['RALTER SERVAUTH A UACC(CONTROL)', 'RALTER SERVAUTH A UACC(CONTROL)'],
    ['RALT SERVAUTH (A B) UACC(EXECUTE)', 'RALTER SERVAUTH (A B) UACC(EXECUTE)'],
    ['RALT SERVAUTH A', 'RALTER SERVAUTH A'],
    ['RDELETE SERVAUTH A', 'RDELETE SERVAUTH A'],
    ['RDEL SERVAUTH (A B)', 'RDELETE SERVAUTH (A B)'],
    ['PE A CL(SERVAUTH) ID(X) ACC(READ)', 'PERMIT A CLASS(SERVAUTH) ID(X) ACCESS(READ)'],
    ['PE A ACC(R) ID(X) C(SERVAUTH)', 'PERMIT A CLASS(SERVAUTH) ID(X) ACCESS(READ)'],
    [
      'pe a cl(servauth) id(www-data,_rpc) acc(none)',
      'PERMIT A CLASS(SERVAUTH) ID(WWW-DATA _RPC) ACCESS(NONE)',
    ],
    ['PE A CL(SERVAUTH) ID(*) ACCESS(READ)', 'PERMIT A CLASS(SERVAUTH) ID(*) ACCESS(READ)'],
    ['PE A CL(SERVAUTH) ID(* X)', 'PERMIT A CLASS(SERVAUTH) ID(* X) ACCESS(READ)'],
    ['PE A CL(SERVAUTH) ID(X) DELETE', 'PERMIT A CLASS(SERVAUTH) ID(X) DELETE'],
    ['PE A CL(SERVAUTH) DEL ID(X)', 'PERMIT A CLASS(SERVAUTH) ID(X) DELETE'],
    ['PE A CL(SERVAUTH) RESET', 'PERMIT A CLASS(SERVAUTH) RESET'],
    ['PE A CL(SERVAUTH) RESET(ALL)', 'PERMIT A CLASS(SERVAUTH) RESET'],
    ['PE A CL(SERVAUTH) RESET(S) ID(X)', 'PERMIT A CLASS(SERVAUTH) RESET ID(X) ACCESS(READ)'],
    ['PE A CL(SERVAUTH) RESET(WHEN) ID(X)', 'PERMIT A CLASS(SERVAUTH) ID(X) ACCESS(READ)'],
  ];
  for (const [written, full] of cases) {
    test(written, () => {
      assert.deepEqual(texts(written), [full]);
      assert.deepEqual(findings(written), []);
      // The full text is read as the same command.
      assert.deepEqual(texts(full), [full]);
    });
  }

  for (const access of ['NONE', 'EXECUTE', 'READ', 'UPDATE', 'CONTROL', 'ALTER']) {
    test(`ACCESS(${access})`, () => {
      const [command] = parse(`PE A CL(SERVAUTH) ID(X) ACCESS(${access})`).commands;
      assert.equal(command?.kind === 'PERMIT' && command.access, access);
    });
  }

  test('the resource definitions of a real site', () => {
    const text = `
      RDEF SERVAUTH EZB.** UACC(NONE) OWNER(ADMIN) AUDIT(FAILURE(READ))
      RDEF SERVAUTH EZB.PORTACCESS.** UACC(NONE) OWNER(ADMIN) AUDIT(FAILURE(READ))
      PE EZB.PORTACCESS.** CL(SERVAUTH) ID(authusers) ACC(READ)
      SETROPTS RACLIST(SERVAUTH ) REFRESH
    `;
    assert.deepEqual(texts(text), [
      'RDEFINE SERVAUTH EZB.** UACC(NONE)',
      'RDEFINE SERVAUTH EZB.PORTACCESS.** UACC(NONE)',
      'PERMIT EZB.PORTACCESS.** CLASS(SERVAUTH) ID(AUTHUSERS) ACCESS(READ)',
    ]);
    assert.deepEqual(findings(text), [
      'notice RACF_OPERAND_IDLE 2:7',
      'notice RACF_OPERAND_IDLE 3:7',
      'notice RACF_COMMAND_SKIPPED 5:7',
    ]);
    assert.match(messages(text), /AUDIT, OWNER have no effect here|OWNER, AUDIT have no effect here/);
  });
});

describe('what has no effect is ignored with a notice', () => {
  for (const operand of [
    'OWNER(ADM)',
    'AUDIT(ALL(READ))',
    'LEVEL(01)',
    "DATA('x (y')",
    'NOTIFY(X)',
    'OW(ADM)',
    'WARNING',
  ]) {
    test(operand, () => {
      assert.deepEqual(texts(`RDEF SERVAUTH A ${operand} UACC(READ)`), ['RDEFINE SERVAUTH A UACC(READ)']);
      assert.deepEqual(findings(`RDEF SERVAUTH A ${operand} UACC(READ)`), ['notice RACF_OPERAND_IDLE 1:1']);
    });
  }

  test('WARNING permits no user, and the notice states it', () => {
    assert.match(messages('RDEF SERVAUTH A WARNING'), /denied, not only warned/);
    assert.doesNotMatch(messages('RDEF SERVAUTH A OWNER(X)'), /warned/);
  });

  const commands = [
    'SETROPTS CLASSACT(SERVAUTH) GENERIC(SERVAUTH)',
    'SETR LIST',
    'ADDUSER X',
    'AU X',
    'ALTUSER X',
    'CONNECT X',
  ];
  for (const command of [
    ...commands,
    'ADDGROUP X',
    "ADDSD 'X'",
    'RLIST SERVAUTH *',
    'SEARCH',
    'RACDCERT LIST',
    'rl x y',
  ]) {
    test(command, () => {
      assert.deepEqual(findings(command), ['notice RACF_COMMAND_SKIPPED 1:1']);
      assert.deepEqual(texts(command), []);
    });
  }

  for (const command of [
    'RDEF FACILITY BPX.X UACC(READ)',
    'RALT X Y Z(',
    'PE A CL(FACILITY) ID(X) WHEN(Y(Z))',
    'RDEL OPERCMDS A',
  ]) {
    test(`${command}, of another class`, () => {
      const whole = command.replace('Z(', 'Z');
      assert.deepEqual(texts(whole), []);
      assert.match(findings(whole).join(), /^notice RACF_CLASS_SKIPPED 1:\d+$/);
    });
  }

  test('PERMIT without CLASS is for data sets', () => {
    assert.deepEqual(findings('PE A ID(X)'), ['warning RACF_CLASS_SKIPPED 1:1']);
    assert.deepEqual(texts('PE A ID(X)'), []);
  });

  // ICH06009I: "RESET OPTION IGNORED, CONFLICTS WITH DELETE REQUEST".
  test('RESET with DELETE', () => {
    const text = 'PE A CL(SERVAUTH) RESET DELETE ID(X)';
    assert.deepEqual(texts(text), ['PERMIT A CLASS(SERVAUTH) ID(X) DELETE']);
    assert.deepEqual(findings(text), ['warning RACF_RESET_IGNORED 1:19']);
  });
});

describe('an error is reported, and its command skipped', () => {
  const cases: readonly (readonly [text: string, ...findings: string[]])[] = [
    ['RDEFIN SERVAUTH A', 'error RACF_COMMAND_UNKNOWN 1:1'],
    ['constructor A', 'error RACF_COMMAND_UNKNOWN 1:1'],
    ['UACC(NONE)', 'error RACF_COMMAND_UNKNOWN 1:1'],
    ['RDEF', 'error SYNTAX 1:1'],
    ['RDEF (A B)', 'error SYNTAX 1:6'],
    ['RDEF SERVAUTH', 'error SYNTAX 1:6'],
    ['RDEF SERVAUTH ()', 'error SYNTAX 1:15'],
    ['RDEF SERVAUTH A..B', 'error RACF_PROFILE_INVALID 1:15'],
    ["RDEF SERVAUTH 'A'", 'error RACF_PROFILE_INVALID 1:15'],
    ['RDEF SERVAUTH (A (B) C_)', 'error RACF_PROFILE_INVALID 1:18', 'error RACF_PROFILE_INVALID 1:22'],
    ['RDEF SERVAUTH A B', 'error RACF_OPERAND_UNKNOWN 1:17'],
    ['RDEF SERVAUTH A (B)', 'error SYNTAX 1:17'],
    ['RDEF SERVAUTH A UACC', 'error RACF_OPERAND_VALUE 1:17'],
    ['RDEF SERVAUTH A UACC()', 'error RACF_OPERAND_VALUE 1:17'],
    ['RDEF SERVAUTH A UACC(READ NONE)', 'error RACF_OPERAND_VALUE 1:17'],
    ['RDEF SERVAUTH A UACC(WRITE)', 'error RACF_OPERAND_VALUE 1:22'],
    ['RDEF SERVAUTH A UACC(READX)', 'error RACF_OPERAND_VALUE 1:22'],
    ["RDEF SERVAUTH A UACC('READ')", 'error RACF_OPERAND_VALUE 1:17'],
    ['RDEF SERVAUTH A UACC(READ) UACC(NONE)', 'error RACF_OPERAND_TWICE 1:28'],
    ['RDEF SERVAUTH A FROM(B)', 'error RACF_OPERAND_REFUSED 1:17'],
    ['RDEF SERVAUTH A SECLABEL(B)', 'error RACF_OPERAND_REFUSED 1:17'],
    ['RDEF SERVAUTH A A(B)', 'error RACF_OPERAND_UNKNOWN 1:17'],
    ['RALT SERVAUTH A UACC(X)', 'error RACF_OPERAND_VALUE 1:22'],
    ['RDEL SERVAUTH A UACC(READ)', 'error RACF_OPERAND_UNKNOWN 1:17'],
    ['PE', 'error SYNTAX 1:1'],
    ['PE CL(SERVAUTH) ID(X)', 'error SYNTAX 1:4'],
    ['PE (A) CL(SERVAUTH) ID(X)', 'error SYNTAX 1:4'],
    ['PE A B CL(SERVAUTH) ID(X)', 'error RACF_OPERAND_UNKNOWN 1:6'],
    ['PE A CL(SERVAUTH)', 'error RACF_OPERAND_MISSING 1:1'],
    ['PE A CL(SERVAUTH) ACC(READ)', 'error RACF_OPERAND_MISSING 1:1'],
    ['PE A CL(SERVAUTH) RESET ACC(READ)', 'error RACF_OPERAND_MISSING 1:1'],
    ['PE A CL(SERVAUTH) RESET DELETE', 'error RACF_OPERAND_MISSING 1:1'],
    ['PE A CL(SERVAUTH) ID()', 'error RACF_OPERAND_VALUE 1:19'],
    ['PE A CL(SERVAUTH) ID', 'error RACF_OPERAND_VALUE 1:19'],
    ['PE A CL(SERVAUTH) ID(X*)', 'error RACF_ID_INVALID 1:22'],
    ['PE A CL(SERVAUTH) ID(X (Y) Z/)', 'error RACF_ID_INVALID 1:24', 'error RACF_ID_INVALID 1:28'],
    ['PE A CL(SERVAUTH) ID(X) ACC', 'error RACF_OPERAND_VALUE 1:25'],
    ['PE A CL(SERVAUTH) ID(X) ACC(READ) DELETE', 'error RACF_OPERAND_VALUE 1:35'],
    ['PE A CL(SERVAUTH) ID(X) DELETE(Y)', 'error RACF_OPERAND_VALUE 1:25'],
    ['PE A CL(SERVAUTH) ID(X) RESET(X)', 'error RACF_OPERAND_VALUE 1:31'],
    ['PE A CL(SERVAUTH) ID(X) WHEN(PROGRAM(Y))', 'error RACF_OPERAND_REFUSED 1:25'],
    ['PE A CL(SERVAUTH) FROM(B)', 'error RACF_OPERAND_REFUSED 1:19', 'error RACF_OPERAND_MISSING 1:1'],
    ['PE A CL(SERVAUTH X) ID(X)', 'error RACF_OPERAND_VALUE 1:6'],
    ['PE A CL ID(X)', 'error RACF_OPERAND_VALUE 1:6'],
    ['PE A CL(SERVAUTH) ID(X', 'error SYNTAX 1:21'],
  ];
  for (const [text, ...expected] of cases) {
    test(text, () => {
      // The first command has errors, the second is valid.
      const { commands } = parse(`${text}\nRDEF SERVAUTH A`);
      assert.deepEqual(
        commands.map(({ place }) => place.line),
        [2],
      );
      assert.deepEqual(findings(text), expected);
    });
  }

  test('a line that is not continued gets a hint', () => {
    const text = `PE ${WEB} CLASS(SERVAUTH) ID(X)\n  ACCESS(READ)`;
    assert.deepEqual(findings(text), ['error RACF_COMMAND_UNKNOWN 2:3']);
    assert.match(messages(text), /end a line with - or \+/);
  });

  test('the legal values are reported', () => {
    assert.match(
      messages('PE A C(SERVAUTH) A(READ) ID(X)'),
      /\\"A\\" is ambiguous: ACCESS, AT|\\"A\\" is ambiguous: AT, ACCESS/,
    );
    assert.match(messages('RDEF SERVAUTH A UACC(WRITE)'), /NONE, EXECUTE, READ, UPDATE, CONTROL, ALTER/);
    assert.match(messages('RDEF SERVAUTH A X'), /Legal operands: UACC/);
  });

  test('every error of a file is reported in one run', () => {
    const text = 'X\nRDEF SERVAUTH A..B UACC(Z)\nPE A CL(SERVAUTH) ID(\nPE A CL(SERVAUTH) ID(X) WHEN(Y)\n';
    assert.deepEqual(findings(text), [
      'error RACF_COMMAND_UNKNOWN 1:1',
      'error RACF_PROFILE_INVALID 2:15',
      'error RACF_OPERAND_VALUE 2:25',
      'error SYNTAX 3:21',
      'error RACF_OPERAND_REFUSED 4:25',
    ]);
  });

  test('an error shows its line', () => {
    const [error] = parse('\r\nRDEF SERVAUTH A..B\r\n').diagnostics;
    assert.equal(error?.excerpt, 'RDEF SERVAUTH A..B');
    assert.deepEqual(error?.place, { file: 'racf', line: 2, column: 15, length: 4 });
    assert.equal(error?.zos, 'IRR16001I');
  });

  test('errors beyond a thousand are only counted', () => {
    const { diagnostics } = parse('X\n'.repeat(1500));
    assert.equal(diagnostics.length, 1001);
    assert.equal(diagnostics.at(-1)?.message, '500 more errors are not shown');
  });
});

const words = [
  ...[
    'RDEF',
    'RALT',
    'RDEL',
    'PE',
    'PERMIT',
    'SETROPTS',
    'SERVAUTH',
    'FACILITY',
    'A.B',
    'EZB.**',
    'A..B',
    'UACC',
  ],
  ...[
    'CLASS',
    'CL',
    'ID',
    'ACCESS',
    'DELETE',
    'RESET',
    'WHEN',
    'OWNER',
    'READ',
    'NONE',
    '*',
    '(',
    ')',
    '(',
    ')',
    "'",
  ],
  ...['\n', '\n', ' -\n', ' +\n', '/*', '*/', ',', '//'],
];

describe('any text', () => {
  const text = fc.oneof(
    fc.string(),
    fc.string({ unit: 'binary' }),
    fc.array(fc.constantFrom(...words), { maxLength: 60 }).map((all) => all.join(' ')),
  );

  test('is read, and its places are within it', () => {
    fc.assert(
      fc.property(text, (source) => {
        const { commands, diagnostics } = parse(source);
        const lines = source.split('\n');
        for (const { place } of [...commands, ...diagnostics]) {
          const line = lines[place.line - 1];
          assert.ok(line !== undefined && place.column + place.length - 1 <= line.length);
        }
      }),
    );
  });

  test('gives commands whose text is read as the same command', () => {
    fc.assert(
      fc.property(text, (source) => {
        const { commands } = parse(source);
        const reported = commands.map((command) => command.text);
        const again = parse(reported.join('\n'));
        // A RESET(WHEN) alone has no effect, and does not appear in the text.
        if (reported.every((one) => !/^PERMIT \S+ CLASS\(SERVAUTH\)$/.test(one))) {
          assert.deepEqual(
            again.commands.map((command) => command.text),
            reported,
          );
        }
      }),
    );
  });

  for (const unit of [
    'RDEF SERVAUTH A ',
    'X ',
    'PE A CL(SERVAUTH) ID(X)\n',
    '(',
    'PE A ID(',
    'A\n',
    'ADDUSER X\n',
  ]) {
    test(`of many ${JSON.stringify(unit)} is read in bounded time`, () => {
      const assertBounded = processorBound();
      parse(unit.repeat(30_000));
      parse(`PE A CL(SERVAUTH) ID(${unit.repeat(30_000)})`);
      assertBounded();
    });
  }
});
