// Tests of the rows of a profile: order, names of SMF 119, and the form of NETSTAT PORTLIST.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { replayProfile } from './load.ts';
import { optionWords, type PortRow, portList, portRows, settingRows } from './reservations.ts';

function profileOf(text: string) {
  const { profile, report } = replayProfile([{ path: 'p', text }], { zosNames: false, symbols: {} });
  assert.deepEqual(report.diagnostics, []);
  return profile;
}

const rowsOf = (text: string) => portRows(profileOf(text));

/** The names of the flags and options that are set. */
function setIn(row: PortRow | undefined): string[] {
  assert.ok(row);
  const named = (options: Readonly<Record<string, boolean>>) =>
    Object.keys(options).filter((name) => options[name]);
  return [row.useType, ...named(row.flags), ...named(row.rsvOptions), ...named(row.unrsvOptions)];
}

describe('flags and options have the names of SMF 119', () => {
  const cases: Record<string, [statement: string, ...names: string[]]> = {
    // "Otherwise, the default is to restart the server": AUTOLOG is set unless NOAUTOLOG is given.
    'by default': ['PORT 80 TCP WEB', 'JOBNAME', 'TCP', 'AUTOLOG', 'DELAYACKS'],
    'of UDP': ['PORT 80 UDP WEB', 'JOBNAME', 'AUTOLOG'],
    'that are unsaid': ['PORT 80 TCP WEB NOAUTOLOG NODELAYACKS', 'JOBNAME', 'TCP'],
    'of a range': ['PORTRANGE 80 2 TCP WEB', 'JOBNAME', 'RANGE', 'TCP', 'AUTOLOG', 'DELAYACKS'],
    'of RESERVED': ['PORT 80 TCP RESERVED', 'RESERVED', 'TCP'],
    'of AUTHPORT': ['PORTRANGE 80 2 TCP AUTHPORT', 'AUTHPORT', 'RANGE', 'TCP'],
    'of SHAREPORT': ['PORT 80 TCP WEB SHAREPORT', 'JOBNAME', 'TCP', 'AUTOLOG', 'DELAYACKS', 'SHAREPORT'],
    'of SHAREPORTWLM': [
      'PORT 80 TCP WEB SHAREPORTWLM',
      'JOBNAME',
      'TCP',
      'AUTOLOG',
      'DELAYACKS',
      'SHAREPORTWLM',
    ],
    'of BIND, SAF and NOSMC': [
      'PORT 80 TCP WEB BIND 2001:db8::1 SAF X NOSMC',
      'JOBNAME',
      'IPV6',
      'TCP',
      'AUTOLOG',
      'DELAYACKS',
      'BIND',
      'SAF',
      'NOSMC',
    ],
    'of SMC': ['PORT 80 TCP WEB SMC', 'JOBNAME', 'TCP', 'AUTOLOG', 'DELAYACKS', 'SMC'],
    'of UNRSV': ['PORT UNRSV TCP WEB', 'JOBNAME', 'UNRSV', 'TCP', 'WHENLISTEN'],
    'of UNRSV with DENY': ['PORT UNRSV UDP * DENY', 'JOBNAME', 'UNRSV', 'DENY', 'WHENBIND'],
    'of UNRSV with SAF': ['PORT UNRSV TCP * SAF X WHENBIND', 'JOBNAME', 'UNRSV', 'TCP', 'SAF', 'WHENBIND'],
  };
  for (const [name, [statement, ...names]] of Object.entries(cases)) {
    test(name, () => assert.deepEqual(setIn(rowsOf(statement)[0]), names));
  }
});

test('rows have numbers, names and addresses', () => {
  const [row] = rowsOf('PORT 80 TCP WEB BIND 192.0.2.7 SAF X');
  const { portNumber, portNumberEnd, jobname, safname, bindAddr, rule } = row ?? assert.fail();
  assert.deepEqual(
    [portNumber, portNumberEnd, jobname, safname, bindAddr],
    [80, 80, 'WEB', 'X', '192.0.2.7'],
  );
  assert.deepEqual(rule, { file: 'p', line: 1, text: '80 TCP WEB BIND 192.0.2.7 SAF X' });
  const [range] = rowsOf('PORTRANGE 65535 1 TCP RESERVED');
  assert.deepEqual([range?.portNumber, range?.portNumberEnd, range?.jobname], [65535, 65535, '']);
  const [unreserved] = rowsOf('PORT UNRSV TCP A*');
  assert.deepEqual([unreserved?.portNumber, unreserved?.portNumberEnd, unreserved?.jobname], [0, 0, 'A*']);
});

test('rows are sorted by port, TCP first, the entries of a port in search order, UNRSV last', () => {
  const rows = rowsOf(
    'PORT UNRSV UDP U UNRSV TCP T 90 UDP A 90 TCP C 90 TCP B 80 UDP Z\nPORTRANGE 85 2 TCP R\n',
  );
  assert.deepEqual(
    rows.map(({ rule }) => rule.text),
    ['80 UDP Z', '85 2 TCP R', '90 TCP C', '90 TCP B', '90 UDP A', 'UNRSV TCP T', 'UNRSV UDP U'],
  );
});

test('options are printed in profile syntax', () => {
  const options = 'NOAUTOLOG NODELAYACKS SHAREPORT BIND 192.0.2.7 SAF X NOSMC'.split(' ').join(' ');
  const cases = {
    [`PORT 80 TCP WEB ${options}`]: options,
    'PORT 80 TCP WEB': '',
    'PORT 80 TCP RESERVED': '',
    'PORT 80 UDP WEB SAF X': 'SAF X',
    'PORT UNRSV TCP * DENY': 'DENY WHENLISTEN',
    'PORT UNRSV UDP * SAF X': 'SAF X WHENBIND',
  };
  for (const [statement, expected] of Object.entries(cases)) {
    assert.equal(rowsOf(statement).map(optionWords).join().replaceAll(',', ' '), expected, statement);
  }
});

test('settings have their statements', () => {
  const text = `TCPCONFIG RESTRICTLOWPORTS EPHEMERALPORTS 2000 3000 NODELAYACKS
UDPCONFIG UNRESTRICTLOWPORTS
GLOBALCONFIG EXPLICITBINDPORTRANGE 7000 1000
AUTOLOG 5
  FTPD JOBNAME FTPD1
  WEB
ENDAUTOLOG
`;
  assert.deepEqual(
    settingRows(profileOf(text)).map(({ setting, value, rule }) => `${setting}: ${value} (${rule.line})`),
    [
      'tcp low ports: restricted (1)',
      'tcp ephemeral ports: 2000-3000 (1)',
      'tcp acknowledgments: NODELAYACKS (1)',
      'udp low ports: unrestricted (2)',
      'explicit bind ports: 7000-7999 (3)',
      'autolog: FTPD as FTPD1 (5)',
      'autolog: WEB (6)',
    ],
  );
  assert.deepEqual(settingRows(profileOf('; none\n')), []);
});

describe('NETSTAT PORTLIST', () => {
  // The rows of the documentation: "UNRSV TCP A* L", "UNRSV TCP * FL GENERIC", "00020 TCP FTPD1 D".
  test('has the columns, the order and the documented flags', () => {
    const { lines, omitted } = portList(
      rowsOf(`PORT
  UNRSV TCP A*
  UNRSV TCP * SAF GENERIC
  20 TCP FTPD1 NOAUTOLOG
  7 TCP MISCSERV
  53 UDP NAMED BIND 192.0.2.7
  99 TCP RESERVED
PORTRANGE 3500 20 TCP OMVS
`),
    );
    assert.deepEqual(lines, [
      'Port# Prot User     Flags    Range       IP Address      SAF Name',
      '----- ---- ----     -----    -----       ----------      --------',
      'UNRSV TCP  A*       L',
      'UNRSV TCP  *        FL                                   GENERIC',
      '00007 TCP  MISCSERV DA',
      '00020 TCP  FTPD1    D',
      '00053 UDP  NAMED    A                    192.0.2.7',
      '00099 TCP  RESERVED',
      '03500 TCP  OMVS     DAR      03500-03519',
    ]);
    assert.deepEqual(omitted, []);
  });

  test('lists the options without a flag', () => {
    const { lines, omitted } = portList(
      rowsOf('PORT 80 TCP A SHAREPORT 80 TCP B SHAREPORT 81 TCP C NOSMC UNRSV UDP * DENY'),
    );
    assert.deepEqual(lines.slice(2), [
      'UNRSV UDP  *',
      '00080 TCP  A        DA',
      '00080 TCP  B        DA',
      '00081 TCP  C        DA',
    ]);
    assert.deepEqual(omitted, [
      'DENY (1 entry)',
      'WHENBIND (1 entry)',
      'SHAREPORT (2 entries)',
      'NOSMC (1 entry)',
    ]);
  });

  test('of an empty profile is only the heading', () => assert.equal(portList([]).lines.length, 2));
});
