// Tests of the parser: the values of each statement, and the syntax rules of docs/profile.md.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatIp } from '../../base/address.ts';
import { type ParseOptions, parseProfile } from './parse.ts';
import type { Statement } from './statements.ts';

const parse = (text: string, options?: ParseOptions) => parseProfile({ file: 'f', text }, options);

/** The only statement of a text without findings. */
function statement<Kind extends Statement['kind']>(
  text: string,
  kind: Kind,
): Extract<Statement, { kind: Kind }> {
  const { statements, findings } = parse(text);
  assert.deepEqual(findings, []);
  const [one, ...others] = statements;
  assert.equal(others.length, 0);
  if (one?.kind !== kind) assert.fail(`it is ${one?.kind}`);
  return one as Extract<Statement, { kind: Kind }>;
}

/** The findings: severity, code, line and column. */
const found = (text: string, options?: ParseOptions): string[] =>
  parse(text, options).findings.map(
    ({ severity, code, place }) => `${severity} ${code} ${place.line}:${place.column}`,
  );

/** The message and the hint of the first finding. */
function reported(text: string): string {
  const [first] = parse(text).findings;
  return `${first?.message} | ${first?.hint}`;
}

describe('PORT', () => {
  test('has entries until the next statement, on any number of lines', () => {
    const { entries } = statement('PORT 80 TCP WEB 81\nTCP\nRESERVED 53 UDP NAMED', 'PORT');
    assert.deepEqual(
      entries.map((entry) => entry.kind === 'port' && [entry.port, entry.protocol, entry.use]),
      [
        [80, 'tcp', { kind: 'JOB', pattern: 'WEB' }],
        [81, 'tcp', { kind: 'RESERVED' }],
        [53, 'udp', { kind: 'JOB', pattern: 'NAMED' }],
      ],
    );
  });

  test('has options in the order of the diagram, with its abbreviations', () => {
    const full = '80 TCP WEB NOAUTOLOG NODELAYACKS SHAREPORTWLM BIND 192.0.2.7 SAF WEBRES NOSMC';
    const { entries } = statement(`PORT ${full} 81 tcp a noautol delaya sharep smc`, 'PORT');
    const [first, second] = entries.map((entry) => (entry.kind === 'port' ? entry : assert.fail()));
    const { bind, ...others } = first?.options ?? assert.fail();
    assert.equal(bind && formatIp(bind), '192.0.2.7');
    assert.deepEqual(others, {
      autolog: false,
      acks: 'NODELAYACKS',
      share: 'SHAREPORTWLM',
      saf: 'WEBRES',
      smc: 'NOSMC',
    });
    assert.deepEqual(second?.options, { autolog: false, acks: 'DELAYACKS', share: 'SHAREPORT', smc: 'SMC' });
    assert.equal(first?.words.join(' '), full);
    assert.equal(second?.words.join(' '), '81 TCP A NOAUTOLOG DELAYACKS SHAREPORT SMC');
  });

  test('"must be specified in the order in which they appear": another order is refused', () => {
    assert.deepEqual(found('PORT 80 TCP WEB SHAREPORT NOAUTOLOG'), ['error OPTION_ORDER 1:27']);
    assert.deepEqual(found('PORT 80 TCP WEB SMC NOSMC'), ['error OPTION_ORDER 1:21']);
    assert.deepEqual(found('PORT 80 TCP RESERVED NOAUTOLOG'), ['error SYNTAX 1:22']);
  });

  test('an option keyword in place of a job is a job name', () => {
    const { entries } = statement('PORT 80 TCP BIND BIND ::1', 'PORT');
    assert.deepEqual(entries[0]?.words, ['80', 'TCP', 'BIND', 'BIND', '::1']);
  });

  test('UNRSV has a job, DENY or SAF, and WHENLISTEN or WHENBIND', () => {
    const text = 'PORT UNRSV TCP A* SAF R1 WHENBIND UNRSV TCP * DENY UNRSV UDP * WHENBIND';
    const { entries } = statement(text, 'PORT');
    assert.deepEqual(
      entries.map((entry) => {
        if (entry.kind !== 'unreserved') return assert.fail();
        const { pattern, isDenied, saf, when } = entry;
        return [pattern, isDenied, saf, when];
      }),
      [
        ['A*', false, 'R1', 'WHENBIND'],
        ['*', true, undefined, undefined],
        ['*', false, undefined, 'WHENBIND'],
      ],
    );
    assert.deepEqual(found('PORT UNRSV UDP * WHENLISTEN'), ['error OPTION_PROTOCOL 1:18']);
  });

  test('"The entire PORT statement is ignored" where DENY has another job name than *', () => {
    const { statements, findings } = parse('PORT 80 TCP WEB UNRSV TCP A DENY 81 TCP WEB\nPORT 82 TCP WEB');
    assert.deepEqual(
      findings.map(({ code, zos }) => [code, zos]),
      [['UNRSV_DENY_JOB', 'EZZ0146I']],
    );
    const ignored = statements.map(
      (one) => one.kind === 'PORT' && one.entries.map((entry) => entry.isIgnored),
    );
    assert.deepEqual(ignored, [[true, true], [false]]);
  });

  test('SHAREPORT, SMC and NOSMC "valid only for TCP"; one bad entry does not hide the next', () => {
    const bad = 'PORT 1 UDP A SHAREPORT\n2 UDP A SMC\n3 UDP A NOSMC\n4 UDP A';
    assert.deepEqual(
      found(bad),
      ['1:14', '2:9', '3:9'].map((at) => `error OPTION_PROTOCOL ${at}`),
    );
    const [one] = parse(bad).statements;
    assert.deepEqual(one?.kind === 'PORT' && one.entries.map((entry) => [entry.words[0], entry.isIgnored]), [
      ['4', false],
    ]);
    assert.deepEqual(found('PORT 4 UDP A NODELAYACKS'), ['warning OPTION_PROTOCOL 1:14']);
  });

  test('after a syntax error the rest of the list is read, and ignored as on z/OS', () => {
    const { statements, findings } = parse(
      'PORT 80 TCP WEB\n81 TPC WEB\n82 TCP WEB\n83 TCP WEB BIND x\nPORT 84 TCP A',
    );
    assert.deepEqual(
      findings.map(({ place, code }) => [place.line, code]),
      [
        [2, 'SYNTAX'],
        [4, 'SYNTAX'],
      ],
    );
    assert.match(findings[0]?.hint ?? '', /z\/OS ignores the rest of this list/);
    const entries = statements.flatMap((one) => (one.kind === 'PORT' ? one.entries : []));
    assert.deepEqual(
      entries.map((entry) => [entry.words[0], entry.isIgnored]),
      [
        ['80', false],
        ['82', true],
        ['84', false],
      ],
    );
  });

  test('a missing job is reported at the next entry or statement', () => {
    assert.deepEqual(found('PORT 80 TCP\n 81 TCP WEB'), ['error SYNTAX 2:2']);
    assert.deepEqual(found('PORT 80 TCP\nPORTRANGE 81 1 TCP A'), ['error SYNTAX 2:1']);
    assert.deepEqual(found('PORT 80 TCP'), ['error SYNTAX 1:12']);
    assert.deepEqual(found('PORT 80 TCP HOME'), ['warning JOB_LIKE_STATEMENT 1:13']);
  });

  test('resname: "You can not specify a 1-character value of 0 (zero)"', () => {
    assert.deepEqual(found('PORT 80 TCP * SAF 0'), ['error RESNAME 1:19']);
    assert.deepEqual(found('PORT 80 TCP * SAF A0'), []);
  });

  test('without entries is reported', () => {
    assert.deepEqual(found('PORT\nHOME'), ['warning EMPTY 1:1', 'notice STATEMENT_SKIPPED 2:1']);
    assert.deepEqual(found('PORT'), ['warning EMPTY 1:1']);
  });
});

describe('PORTRANGE', () => {
  test('has a first port and a number of ports, jobs, RESERVED and AUTHPORT', () => {
    const text = 'PORTR 4000 200 TCP TESTSYS NOAUTOLOG SAF R 500 1 UDP RESERVED 600 5 TCP AUTHPORT';
    const { entries } = statement(text, 'PORTRANGE');
    assert.deepEqual(
      entries.map(({ first, last, protocol, use }) => [first, last, protocol, use.kind]),
      [
        [4000, 4199, 'tcp', 'JOB'],
        [500, 500, 'udp', 'RESERVED'],
        [600, 604, 'tcp', 'AUTHPORT'],
      ],
    );
  });

  test('"the ports up to 65535 are reserved and those greater than 65535 are ignored"', () => {
    const { statements, findings } = parse('PORTRANGE 65000 1000 TCP A 1 65535 UDP A');
    assert.deepEqual(
      findings.map(({ severity, code }) => [severity, code]),
      [['warning', 'RANGE_CLIPPED']],
    );
    const [one] = statements;
    assert.deepEqual(one?.kind === 'PORTRANGE' && one.entries.map(({ last }) => last), [65535, 65535]);
  });

  test('"does not support sharing of ports", nor BIND, nor UNRSV: the hint names PORT', () => {
    for (const option of ['SHAREPORT', 'SHAREPORTWLM', 'BIND 192.0.2.7']) {
      assert.deepEqual(found(`PORTRANGE 1 1 TCP A ${option}`), ['error OPTION_PORTRANGE 1:21']);
      assert.match(reported(`PORTRANGE 1 1 TCP A ${option}`), /is an option of PORT only/);
      assert.deepEqual(found(`PORT 1 TCP A ${option}`), []);
    }
    assert.match(reported('PORTRANGE UNRSV TCP * DENY'), /UNRSV is an entry of PORT only/);
  });

  test('"AUTHPORT is valid only with the TCP protocol", and only on PORTRANGE', () => {
    assert.deepEqual(found('PORTRANGE 1 1 UDP AUTHPORT'), ['error OPTION_PROTOCOL 1:19']);
    assert.match(reported('PORT 1 TCP AUTHPORT'), /AUTHPORT is an entry of PORTRANGE only/);
  });
});

describe('job names', () => {
  test('have at most 64 characters, or 8 with the names of z/OS', () => {
    const of = (length: number) => `PORT 80 TCP ${'A'.repeat(length)}`;
    assert.deepEqual([found(of(64)), found(of(65))], [[], ['error JOB 1:13']]);
    assert.deepEqual(
      [found(of(8), { zosNames: true }), found(of(9), { zosNames: true })],
      [[], ['error JOB 1:13']],
    );
    assert.deepEqual(found('PORT 80 TCP a_b.c-d', { zosNames: true }), ['error JOB 1:13']);
    assert.deepEqual(found('PORT 80 TCP a_b.c-d@#$'), []);
  });

  test('several asterisks are equivalent to one', () => {
    const { entries } = statement('PORT 80 TCP A**', 'PORT');
    assert.deepEqual(entries[0]?.kind === 'port' && entries[0].use, { kind: 'JOB', pattern: 'A*' });
  });
});

describe('DELETE', () => {
  test('of PORT and PORTRANGE has their entries; of anything else it is skipped', () => {
    const { entries } = statement('DELETE PORT 80 TCP WEB UNRSV TCP *', 'DELETE');
    assert.deepEqual(
      entries.map(({ kind }) => kind),
      ['port', 'unreserved'],
    );
    assert.deepEqual(
      statement('DELE PORTRANGE 1 5 TCP A', 'DELETE').entries.map(({ kind }) => kind),
      ['range'],
    );
    assert.deepEqual(found('DELETE LINK ETH1'), ['notice STATEMENT_SKIPPED 1:1']);
  });
});

describe('TCPCONFIG, UDPCONFIG and GLOBALCONFIG', () => {
  test('have the parameters that concern ports, in any order', () => {
    const settings = (text: string, kind: 'TCPCONFIG' | 'UDPCONFIG' | 'GLOBALCONFIG') =>
      statement(text, kind).settings.map(({ setting }) => setting);
    assert.deepEqual(settings('TCPCONFIG NODELAYA RESTRICTL EPHEMERALPORTS 2000 3000', 'TCPCONFIG'), [
      { kind: 'acks', acks: 'NODELAYACKS' },
      { kind: 'lowPorts', isRestricted: true },
      { kind: 'ephemeralPorts', first: 2000, last: 3000 },
    ]);
    assert.deepEqual(settings('UDPCONFIG UNRESTRICTLOWPORTS', 'UDPCONFIG'), [
      { kind: 'lowPorts', isRestricted: false },
    ]);
    assert.deepEqual(settings('GLOBALCONF EXPLICITBINDPORTRANGE 5000 2 SMCGLOBAL AUTOSMC', 'GLOBALCONFIG'), [
      { kind: 'explicitBindPorts', range: { first: 5000, last: 5001 } },
      { kind: 'autoSmc', isOn: true },
    ]);
  });

  test('report skipped parameters, and refuse unknown ones', () => {
    assert.deepEqual(found('TCPCONFIG TTLS INTERVAL 5'), ['notice PARAMETER_SKIPPED 1:11']);
    assert.deepEqual(found('TCPCONFIG RESTRICTLOWPROTS'), ['error PARAMETER_UNKNOWN 1:11']);
    assert.deepEqual(found('UDPCONFIG DELAYACKS'), ['error PARAMETER_UNKNOWN 1:11']);
    assert.deepEqual(found('GLOBALCONFIG ZIIP IPSECURITY'), ['notice PARAMETER_SKIPPED 1:14']);
  });

  test('EPHEMERALPORTS "each 1024-65535, high >= low"', () => {
    const at = (low: number, high: number) => found(`TCPCONFIG EPHEMERALPORTS ${low} ${high}`);
    assert.deepEqual(
      [at(1024, 65535), at(1023, 2000), at(3000, 2999), at(3000, 3000)].map((f) => f.length),
      [0, 1, 1, 0],
    );
  });
});

describe('AUTOLOG', () => {
  test('has procedures with their jobs, parameters and conditions', () => {
    const text = 'AUTOLOG 5\n FTPD JOBNAME FTPD1\n PAGENT PARMSTRING "-d 1" DELAYSTART TTLS\n X ENDAUTOLOG ;';
    const { waitMinutes, entries } = statement(text, 'AUTOLOG');
    assert.equal(waitMinutes, 5);
    assert.deepEqual(
      entries.map(({ procedure, job, parameters, delayStart }) => [procedure, job, parameters, delayStart]),
      [
        ['FTPD', 'FTPD1', undefined, undefined],
        ['PAGENT', 'PAGENT', '-d 1', ['TTLS']],
        ['X', 'X', undefined, undefined],
      ],
    );
  });

  test('"you cannot use an asterisk wildcard value"', () => {
    assert.deepEqual(found('AUTOLOG\nFTP*\nA\nENDAUTOLOG'), ['error JOB 2:1']);
  });

  test('without ENDAUTOLOG makes the rest of the file ignored, and the message names its first line', () => {
    const { statements, findings } = parse('AUTOLOG\n FTPD\nPORT 80 TCP WEB');
    assert.deepEqual(
      findings.map(({ code, place }) => [code, place.line]),
      [['END_MISSING', 1]],
    );
    assert.match(findings[0]?.message ?? '', /everything from line 3 on/);
    assert.ok(
      statements.every((one) => one.kind !== 'PORT' || one.entries.every(({ isIgnored }) => isIgnored)),
    );
  });
});

describe('INCLUDE', () => {
  const files: Readonly<Record<string, string>> = {
    a: 'PORT 81 TCP A',
    self: 'INCLUDE self',
    one: 'INCLUDE two',
    two: 'INCLUDE one',
    bad: 'PORT x TCP A',
  };
  const include = (path: string) => {
    const text = files[path];
    return text === undefined ? { problem: 'there is no such file' } : { file: path, text };
  };

  test('is replaced by the statements of another file', () => {
    const { statements, findings } = parse("INCLUDE a\nINCLUDE 'a'", { include });
    assert.deepEqual(findings, []);
    const entries = statements.flatMap((one) => (one.kind === 'INCLUDE' ? one.statements : []));
    assert.deepEqual(
      entries.map(({ kind, place }) => [kind, place.file]),
      [
        ['PORT', 'a'],
        ['PORT', 'a'],
      ],
    );
  });

  test('is refused for cycles, for too deep nesting, and for files that cannot be read', () => {
    assert.match(
      parse('INCLUDE self', { include }).findings[0]?.message ?? '',
      /includes itself: f includes self includes self/,
    );
    assert.match(
      parse('INCLUDE one', { include }).findings[0]?.message ?? '',
      /one includes two includes one/,
    );
    const deep = (path: string) => ({ file: path, text: `INCLUDE ${path}x` });
    assert.deepEqual(found('INCLUDE x', { include: deep }), ['error INCLUDE 1:9']);
    assert.match(parse('INCLUDE no', { include }).findings[0]?.message ?? '', /there is no such file/);
    assert.deepEqual(found('INCLUDE'), ['error SYNTAX 1:8']);
  });

  test('an error in an included file is reported with that file', () => {
    const [finding] = parse('INCLUDE bad', { include }).findings;
    assert.deepEqual([finding?.code, finding?.place.file, finding?.place.column], ['PORT_NUMBER', 'bad', 6]);
  });
});

describe('other statements', () => {
  test('are skipped, and their text is kept, up to their end word or to the next statement', () => {
    const text =
      'VIPADYNAMIC\n VIPADISTRIBUTE DEFINE 192.0.2.7\n  PORT 20 21 DESTIP ALL ; here\n' +
      'ENDVIPADYNAMIC ; x\nPORT 80 TCP A';
    const { statements, findings } = parse(text);
    assert.deepEqual(
      statements.map(({ kind }) => kind),
      ['SKIPPED', 'PORT'],
    );
    assert.deepEqual(
      findings.map(({ severity, code }) => [severity, code]),
      [['notice', 'STATEMENT_SKIPPED']],
    );
    const [skipped] = statements;
    assert.equal(skipped?.kind === 'SKIPPED' && skipped.text, text.slice(0, text.indexOf('\nPORT 80')));
  });

  test('without their end word are reported', () => {
    assert.deepEqual(found('BEGINROUTES\n ROUTE x\nPORT 80 TCP A'), [
      'error END_MISSING 1:1',
      'notice STATEMENT_SKIPPED 1:1',
    ]);
  });

  test('an unknown statement is an error, with a similar name', () => {
    assert.match(reported('PROTRANGE 1 1 TCP A'), /a statement was expected \| Did you mean PORTRANGE\?/);
    assert.match(reported('80 TCP A'), /Begin a list of ports with PORT/);
    assert.deepEqual(found('XYZZY\nPORT 80 TCP A'), ['error STATEMENT_UNKNOWN 1:1']);
  });
});

describe('a missing argument', () => {
  test('is reported, and the next entry is read', () => {
    for (const option of ['SAF', 'BIND']) {
      const { statements, findings } = parse(`PORT 80 TCP WEB ${option}\n81 TCP DB`);
      assert.deepEqual(
        findings.map(({ code, place }) => [code, place.line]),
        [['SYNTAX', 2]],
      );
      const [one] = statements;
      assert.deepEqual(one?.kind === 'PORT' && one.entries.map(({ words }) => words[0]), ['81']);
    }
  });

  test('BIND warns of a wildcard and of a mapped address', () => {
    assert.deepEqual(found('PORT 80 TCP A BIND 0.0.0.0'), ['warning BIND_ADDRESS 1:20']);
    assert.deepEqual(found('PORT 80 TCP A BIND ::ffff:192.0.2.7'), ['warning BIND_ADDRESS 1:20']);
    assert.deepEqual(found('PORT 80 TCP A BIND ::1'), []);
  });
});
