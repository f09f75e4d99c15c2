/** Access to SAF resources: profiles, access lists, users and groups. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Group } from '../../text/group.ts';
import { type Account, parsePasswd } from '../../text/passwd.ts';
import { ACCESS_LEVELS, type Access, parseRacf } from '../text/racf.ts';
import { type SafAnswer, SafTable } from './saf.ts';

const ACCOUNTS: readonly Account[] = parsePasswd(
  [
    'root:x:0:0::/:',
    'alice:x:1001:100::/:',
    'bob:x:1002:100::/:',
    'carol:x:1003:50::/:',
    'www-data:x:33:33::/:',
  ].join('\n'),
);
const GROUPS: readonly Group[] = [
  { name: 'root', gid: 0, members: [] },
  { name: 'users', gid: 100, members: [] },
  { name: 'ops', gid: 50, members: ['alice', 'ghost'] },
  { name: 'web', gid: 60, members: ['alice', 'bob'] },
  { name: 'www-data', gid: 33, members: ['bob'] },
];

const WEB = 'EZB.PORTACCESS.SYS1.TCPIP.WEB';

function table(text: string, accounts = ACCOUNTS, groups = GROUPS): SafTable {
  const { commands, diagnostics } = parseRacf({ file: 'racf', text });
  assert.deepEqual(
    diagnostics.filter(({ severity }) => severity === 'error'),
    [],
  );
  return new SafTable(commands, { accounts, groups, sysname: 'sys1', tcpname: 'tcpip' });
}

/** A table with one profile for WEB, and PERMITs: "ID access". */
function permits(uacc: string, ...entries: string[]): SafTable {
  const lines = entries.map((entry) => {
    const [id, access] = entry.split(' ');
    return `PE ${WEB} CL(SERVAUTH) ID(${id}) ACC(${access})`;
  });
  return table([`RDEF SERVAUTH ${WEB} UACC(${uacc})`, ...lines].join('\n'));
}

const permitted = (saf: SafTable, uid: number, groups: number[] = [], resname = 'WEB'): boolean =>
  saf.check(resname, uid, groups).permitted;
const codes = (saf: SafTable): string[] => saf.findings.map(({ severity, code }) => `${severity} ${code}`);

describe('access', () => {
  // PORTRANGE: "reserved for users that have READ access to the RACF resource".
  for (const access of ACCESS_LEVELS) {
    const isEnough = !['NONE', 'EXECUTE'].includes(access);
    test(`${access} is ${isEnough ? '' : 'not '}enough`, () => {
      assert.equal(permitted(permits('NONE', `ALICE ${access}`), 1001), isEnough);
      assert.equal(permitted(permits('NONE', `OPS ${access}`), 1003, [50]), isEnough);
      assert.equal(permitted(permits('NONE', `* ${access}`), 1001), isEnough);
      assert.equal(permitted(permits(access), 1001), isEnough);
      assert.equal(permits(access).check('WEB', 1001, []).access, access);
    });
  }
});

describe('an access list', () => {
  test('permits only the users that it names', () => {
    const saf = permits('NONE', 'ALICE READ');
    assert.equal(permitted(saf, 1001), true);
    assert.equal(permitted(saf, 1002), false);
    assert.equal(permitted(saf, 1002, [1001]), false);
  });

  test('permits the groups of the process that it names', () => {
    const saf = permits('NONE', 'OPS READ');
    assert.equal(permitted(saf, 1003, [50]), true);
    assert.equal(permitted(saf, 1001, [7, 50, 8]), true);
    // Alice is in the group by group(5), but the process is not.
    assert.equal(permitted(saf, 1001, [100]), false);
    assert.equal(permitted(saf, 50), false);
  });

  test('an entry for the user overrides those for groups', () => {
    assert.equal(permitted(permits('NONE', 'ALICE NONE', 'OPS READ'), 1001, [50]), false);
    assert.equal(permitted(permits('NONE', 'ALICE NONE', 'OPS READ'), 1003, [50]), true);
    assert.equal(permitted(permits('NONE', 'ALICE READ', 'OPS NONE'), 1001, [50]), true);
    assert.equal(permitted(permits('ALTER', 'ALICE NONE', '* ALTER'), 1001), false);
  });

  // "RACF uses the highest authority allowed by the user's list of groups and the resource's access list."
  test('the highest access of the groups applies', () => {
    const saf = permits('READ', 'OPS NONE', 'WEB EXECUTE', 'USERS READ');
    assert.equal(permitted(saf, 1001, [50, 60, 100]), true);
    assert.equal(permitted(saf, 1001, [100, 60, 50]), true);
    assert.equal(permitted(saf, 1001, [50, 60]), false);
    assert.equal(saf.check('WEB', 1001, [50, 60]).access, 'EXECUTE');
    assert.equal(saf.check('WEB', 1001, [60, 50]).access, 'EXECUTE');
  });

  test('a group with NONE denies its members the access of everyone', () => {
    assert.equal(permitted(permits('READ', 'OPS NONE'), 1003, [50]), false);
    assert.equal(permitted(permits('READ', 'OPS NONE'), 1003, [60]), true);
    assert.equal(permitted(permits('NONE', '* READ', 'OPS NONE'), 1003, [50]), false);
  });

  test('ID(*) overrides UACC', () => {
    assert.equal(permitted(permits('READ', '* NONE'), 1001), false);
    assert.equal(permitted(permits('NONE', '* READ'), 1001), true);
    assert.equal(permitted(permits('NONE', '* READ'), 4242), true);
  });

  test('UACC applies to users without an entry', () => {
    assert.equal(permitted(permits('READ', 'ALICE NONE'), 1002, [100]), true);
    assert.equal(permitted(permits('NONE', 'ALICE READ'), 1002, [100]), false);
    assert.equal(permitted(permits('READ'), 4242, [4242]), true);
  });

  test('root has no special access', () => {
    assert.equal(permitted(permits('NONE', 'ALICE READ'), 0, [0]), false);
    assert.equal(permitted(permits('READ', 'ROOT NONE'), 0, []), false);
    assert.equal(permitted(permits('NONE', 'ROOT READ'), 0, []), true);
  });

  test('names are case-insensitive, and may be both a user and a group', () => {
    const saf = permits('NONE', 'Www-Data READ');
    assert.equal(permitted(saf, 33), true);
    assert.equal(permitted(saf, 1002, [33]), true);
    assert.equal(permitted(saf, 1002, [60]), false);
    assert.deepEqual(saf.findings, []);
  });

  test('users that share a uid have the lowest access of them, groups that share a gid the highest', () => {
    const accounts = parsePasswd('a:x:5:1::/:\nb:x:5:1::/:');
    const groups = [
      { name: 'g', gid: 7, members: [] },
      { name: 'h', gid: 7, members: [] },
    ];
    for (const text of ['ID(A) ACC(READ)', 'ID(B) ACC(READ)', 'ID(A B) ACC(READ)', 'ID(G) ACC(READ)']) {
      const other = text.includes('B') ? 'A' : 'B';
      const lines = [`RDEF SERVAUTH ${WEB}`, `PE ${WEB} CL(SERVAUTH) ${text}`];
      assert.equal(permitted(table(lines.join('\n'), accounts, groups), 5, [7]), true, text);
      const denying = `PE ${WEB} CL(SERVAUTH) ID(${text.includes('G') ? 'H' : other}) ACC(NONE)`;
      assert.equal(
        permitted(table([...lines, denying].join('\n'), accounts, groups), 5, [7]),
        text.includes('G'),
        text,
      );
    }
  });
});

describe('commands are executed in order', () => {
  const define = `RDEF SERVAUTH ${WEB} UACC(NONE)\nPE ${WEB} CL(SERVAUTH) ID(ALICE) ACC(READ)\n`;
  const cases: Readonly<Record<string, readonly [commands: string, alice: boolean, bob: boolean]>> = {
    'a later PERMIT replaces an earlier one': [`PE ${WEB} CL(SERVAUTH) ID(ALICE) ACC(NONE)`, false, false],
    'PERMIT adds to the list': [`PE ${WEB} CL(SERVAUTH) ID(BOB) ACC(READ)`, true, true],
    'PERMIT DELETE removes from the list': [`PE ${WEB} CL(SERVAUTH) ID(ALICE) DELETE`, false, false],
    'PERMIT RESET empties the list': [`PE ${WEB} CL(SERVAUTH) RESET`, false, false],
    'PERMIT RESET ID empties the list first': [`PE ${WEB} CL(SERVAUTH) RESET ID(BOB)`, false, true],
    'RALTER changes UACC': [`RALT SERVAUTH ${WEB} UACC(READ)`, true, true],
    'RALTER without UACC changes nothing': [`RALT SERVAUTH ${WEB}`, true, false],
    'RDELETE deletes the profile': [`RDEL SERVAUTH ${WEB}`, false, false],
    'RDEFINE after RDELETE defines a new profile': [
      `RDEL SERVAUTH ${WEB}\nRDEF SERVAUTH ${WEB} UACC(READ)`,
      true,
      true,
    ],
  };
  for (const [name, [commands, alice, bob]] of Object.entries(cases)) {
    test(name, () => {
      const saf = table(define + commands);
      assert.deepEqual(saf.findings, []);
      assert.equal(permitted(saf, 1001), alice);
      assert.equal(permitted(saf, 1002), bob);
    });
  }

  // ICH10102I: "ALREADY DEFINED TO CLASS".
  test('a profile cannot be defined twice', () => {
    const saf = table(`${define}RDEF SERVAUTH ${WEB} UACC(READ)`);
    assert.deepEqual(codes(saf), ['error SAF_PROFILE_EXISTS']);
    assert.equal(saf.findings[0]?.place.line, 3);
    assert.equal(saf.findings[0]?.related?.place.line, 1);
    assert.equal(permitted(saf, 1001), true);
    assert.equal(permitted(saf, 1002), false);
  });

  // ICH06004I: "NOT DEFINED TO RACF".
  for (const command of [
    `PE ${WEB} CL(SERVAUTH) ID(ALICE)`,
    `RALT SERVAUTH ${WEB} UACC(READ)`,
    `RDEL SERVAUTH ${WEB}`,
  ]) {
    test(`${command} needs its profile`, () => {
      const saf = table(`${command}\nRDEF SERVAUTH ${WEB}`);
      assert.deepEqual(codes(saf), ['error SAF_PROFILE_UNKNOWN']);
      assert.equal(permitted(saf, 1001), false);
      assert.deepEqual(table(`RDEF SERVAUTH ${WEB}\n${command}`).findings, []);
    });
  }

  test('a command names a profile exactly, not by a resource that it covers', () => {
    assert.deepEqual(codes(table(`RDEF SERVAUTH EZB.**\nPE ${WEB} CL(SERVAUTH) ID(ALICE)`)), [
      'error SAF_PROFILE_UNKNOWN',
    ]);
  });

  // ICH06002I: "NOT AUTHORIZED, DELETE IGNORED".
  test('an ID that is not in the list cannot be deleted from it', () => {
    const saf = table(`${define}PE ${WEB} CL(SERVAUTH) ID(BOB ALICE) DELETE`);
    assert.deepEqual(codes(saf), ['warning SAF_ID_NOT_LISTED']);
    assert.match(saf.findings[0]?.message ?? '', /^cannot delete BOB from the access list/);
    assert.equal(permitted(saf, 1001), false);
  });
});

describe('the profile that applies', () => {
  const commands = (...profiles: readonly (readonly [name: string, uacc: string])[]): string =>
    profiles.map(([name, uacc]) => `RDEF SERVAUTH ${name} UACC(${uacc})`).join('\n');

  test('is the discrete one', () => {
    assert.equal(
      permitted(table(commands(['EZB.PORTACCESS.SYS1.TCPIP.*', 'READ'], [WEB, 'NONE'])), 1001),
      false,
    );
    assert.equal(
      permitted(table(commands(['EZB.PORTACCESS.SYS1.TCPIP.*', 'NONE'], [WEB, 'READ'])), 1001),
      true,
    );
  });

  test('is the most specific one, whatever the less specific ones are', () => {
    const saf = table(
      commands(
        ['**', 'READ'],
        ['EZB.PORTACCESS.**', 'READ'],
        ['EZB.PORTACCESS.*.*.WEB', 'READ'],
        ['EZB.PORTACCESS.SYS%.TCPIP.WEB', 'NONE'],
      ),
    );
    assert.equal(permitted(saf, 1001), false);
    assert.equal(saf.resource('WEB').profile, 'EZB.PORTACCESS.SYS%.TCPIP.WEB');
    assert.equal(permitted(saf, 1001, [], 'FTP'), true);
    assert.equal(saf.resource('FTP').profile, 'EZB.PORTACCESS.**');
  });

  test('has the only access list that applies', () => {
    const saf = table(`
      RDEF SERVAUTH (EZB.PORTACCESS.** ${WEB})
      PE EZB.PORTACCESS.** CL(SERVAUTH) ID(ALICE)
      PE ${WEB} CL(SERVAUTH) ID(BOB)
    `);
    assert.equal(permitted(saf, 1001), false);
    assert.equal(permitted(saf, 1002), true);
    assert.equal(permitted(saf, 1001, [], 'FTP'), true);
    assert.equal(permitted(saf, 1002, [], 'FTP'), false);
  });

  test('may be missing: then no user is permitted', () => {
    const none: SafAnswer = { permitted: false, access: 'NONE', source: undefined };
    for (const text of [
      '',
      'RDEF SERVAUTH EZB.PORTACCESS.SYS1.TCPIP.FTP UACC(READ)',
      'RDEF SERVAUTH EZB.STACKACCESS.** UACC(READ)',
    ]) {
      assert.deepEqual(table(text).check('WEB', 0, [0]), none);
      assert.deepEqual(table(text).permittedUids('WEB'), { uids: new Map(), everyone: false });
    }
  });

  test('belongs to this system and this stack', () => {
    const saf = table(
      commands(['EZB.PORTACCESS.SYS2.TCPIP.WEB', 'READ'], ['EZB.PORTACCESS.SYS1.TCPIPB.*', 'READ']),
    );
    assert.equal(permitted(saf, 1001), false);
    assert.deepEqual(codes(saf), ['notice SAF_OTHER_STACK']);
    assert.match(
      saf.findings[0]?.message ?? '',
      /^EZB.PORTACCESS.SYS2.TCPIP.WEB, EZB.PORTACCESS.SYS1.TCPIPB.\* cannot cover/,
    );
    assert.match(saf.findings[0]?.hint ?? '', /EZB.PORTACCESS.SYS1.TCPIP.resname/);
    assert.deepEqual(
      codes(table(commands(['EZB.PORTACCESS.*.TCPIP.WEB', 'READ'], ['EZB.STACKACCESS.**', 'READ']))),
      [],
    );
  });
});

describe('an answer', () => {
  const text = [
    `RDEF SERVAUTH ${WEB} UACC(NONE)`,
    `PE ${WEB} CL(SERVAUTH) ID(ALICE WEB) ACC(READ)`,
    `PE ${WEB} CL(SERVAUTH) ID(OPS) ACC(ALTER)`,
    `PE ${WEB} CL(SERVAUTH) ID(*) ACC(NONE)`,
  ];

  test('names the command that decided', () => {
    const saf = table(text.join('\n'));
    const source = (uid: number, groups: number[] = []): unknown => saf.check('WEB', uid, groups).source;
    const permit = `PERMIT ${WEB} CLASS(SERVAUTH)`;
    assert.deepEqual(source(1001), { file: 'racf', line: 2, text: `${permit} ID(ALICE WEB) ACCESS(READ)` });
    assert.deepEqual(source(1002, [60]), {
      file: 'racf',
      line: 2,
      text: `${permit} ID(ALICE WEB) ACCESS(READ)`,
    });
    assert.deepEqual(source(1002, [60, 50]), {
      file: 'racf',
      line: 3,
      text: `${permit} ID(OPS) ACCESS(ALTER)`,
    });
    assert.deepEqual(source(1002), { file: 'racf', line: 4, text: `${permit} ID(*) ACCESS(NONE)` });
  });

  test('from UACC names the last command that set it', () => {
    const define = text[0] ?? '';
    assert.equal(table(define).check('WEB', 1, []).source?.text, `RDEFINE SERVAUTH ${WEB} UACC(NONE)`);
    const altered = table(`${define}\nRALT SERVAUTH ${WEB} UACC(READ)\nRALT SERVAUTH ${WEB}`);
    assert.equal(altered.check('WEB', 1, []).source?.text, `RALTER SERVAUTH ${WEB} UACC(READ)`);
  });
});

describe('an unknown ID', () => {
  test('is reported once for each command, together with others', () => {
    const saf = table(`
      RDEF SERVAUTH (${WEB} EZB.PORTACCESS.**)
      PE ${WEB} CL(SERVAUTH) ID(ALICE NOBODY GONE)
      PE EZB.PORTACCESS.** CL(SERVAUTH) ID(NOBODY)
    `);
    assert.deepEqual(
      saf.findings.map(({ severity, code, message, place }) => [severity, code, message, place.line]),
      [
        ['warning', 'SAF_ID_UNKNOWN', 'no user or group of this host is named NOBODY, GONE', 3],
        ['warning', 'SAF_ID_UNKNOWN', 'no user or group of this host is named NOBODY', 4],
      ],
    );
    assert.equal(permitted(saf, 1001), true);
  });

  test('is not reported if it has no effect', () => {
    const define = `RDEF SERVAUTH ${WEB}\nPE ${WEB} CL(SERVAUTH) ID(GONE)\n`;
    assert.deepEqual(codes(table(define)), ['warning SAF_ID_UNKNOWN']);
    assert.deepEqual(codes(table(`${define}PE ${WEB} CL(SERVAUTH) ID(GONE) DELETE`)), []);
    assert.deepEqual(codes(table(`${define}RDEL SERVAUTH ${WEB}`)), []);
    assert.deepEqual(codes(table(`RDEF SERVAUTH CEA.X\nPE CEA.X CL(SERVAUTH) ID(GONE)`)), []);
    assert.deepEqual(codes(table(`RDEF SERVAUTH ${WEB}\nPE ${WEB} CL(SERVAUTH) ID(*)`)), []);
  });

  test('a group member without an account is ignored', () => {
    assert.equal(permitted(permits('NONE', 'GHOST READ'), 1001, [50]), false);
    assert.deepEqual(codes(permits('NONE', 'GHOST READ')), ['warning SAF_ID_UNKNOWN']);
  });
});

describe('the permitted uids', () => {
  const uids = (saf: SafTable): unknown => {
    const { uids: map, everyone } = saf.permittedUids('WEB');
    return [Object.fromEntries(map), everyone];
  };

  test('include users and group members, by group(5) and passwd(5)', () => {
    assert.deepEqual(uids(permits('NONE', 'ALICE READ')), [{ 1001: true }, false]);
    assert.deepEqual(uids(permits('NONE', 'WEB READ')), [{ 1001: true, 1002: true }, false]);
    assert.deepEqual(uids(permits('NONE', 'OPS READ')), [{ 1001: true, 1003: true }, false]);
    assert.deepEqual(uids(permits('NONE', 'USERS READ')), [{ 1001: true, 1002: true }, false]);
    assert.deepEqual(uids(permits('NONE')), [{}, false]);
  });

  test('include denied users if everyone else is permitted', () => {
    assert.deepEqual(uids(permits('READ', 'ALICE NONE')), [{ 1001: false }, true]);
    assert.deepEqual(uids(permits('NONE', '* READ', 'WEB NONE', 'OPS READ')), [
      { 1001: true, 1002: false, 1003: true },
      true,
    ]);
    assert.deepEqual(uids(permits('READ', 'OPS READ', 'ALICE NONE')), [{ 1001: false, 1003: true }, true]);
  });

  test('require that all accounts with the same uid are permitted', () => {
    const accounts = parsePasswd('a:x:5:1::/:\nb:x:5:2::/:\nc:x:6:1::/:');
    const groups = [
      { name: 'g', gid: 1, members: [] },
      { name: 'h', gid: 2, members: [] },
    ];
    const lines = `RDEF SERVAUTH ${WEB}\nPE ${WEB} CL(SERVAUTH) ID(G)`;
    assert.deepEqual(uids(table(lines, accounts, groups)), [{ 5: false, 6: true }, false]);
    assert.deepEqual(uids(table(lines, accounts.toReversed(), groups)), [{ 5: false, 6: true }, false]);
    assert.deepEqual(uids(table(`${lines}\nPE ${WEB} CL(SERVAUTH) ID(H)`, accounts, groups)), [
      { 5: true, 6: true },
      false,
    ]);
  });

  test('equal check() for each account with all its groups', () => {
    const entry = fc.tuple(
      fc.constantFrom('ALICE', 'BOB', 'CAROL', 'ROOT', 'OPS', 'WEB', 'USERS', '*'),
      fc.constantFrom(...ACCESS_LEVELS),
    );
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 6 }), fc.constantFrom(...ACCESS_LEVELS), (entries, uacc) => {
        const saf = permits(uacc, ...entries.map(([id, access]) => `${id} ${access}`));
        const { uids: map, everyone } = saf.permittedUids('WEB');
        assert.equal(everyone, permitted(saf, 4242));
        for (const { name, uid, gid } of ACCOUNTS) {
          const of = GROUPS.filter(({ members }) => members.includes(name)).map((group) => group.gid);
          assert.equal(map.get(uid) ?? everyone, permitted(saf, uid, [gid, ...of]));
        }
      }),
    );
  });
});

describe('any access list is evaluated as by RACF', () => {
  const rank = (access: Access): number => ACCESS_LEVELS.indexOf(access);
  const entry = fc.tuple(fc.constantFrom('ALICE', 'OPS', 'WEB', '*'), fc.constantFrom(...ACCESS_LEVELS));
  const groups = fc.subarray([50, 60, 100]);
  test('in the order user, groups, everyone, UACC', () => {
    fc.assert(
      fc.property(
        fc.array(entry, { maxLength: 5 }),
        groups,
        fc.constantFrom(...ACCESS_LEVELS),
        (entries, of, uacc) => {
          const list = new Map(entries);
          const ofGroups = [['OPS', 50] as const, ['WEB', 60] as const].flatMap(([name, gid]) =>
            of.includes(gid) ? [list.get(name) ?? []].flat() : [],
          );
          const best = ofGroups.toSorted((a, b) => rank(b) - rank(a))[0];
          const expected = list.get('ALICE') ?? best ?? list.get('*') ?? uacc;
          const saf = permits(uacc, ...entries.map(([id, access]) => `${id} ${access}`));
          assert.equal(saf.check('WEB', 1001, of).access, expected);
        },
      ),
    );
  });
});

test('a resource is compiled once, and a check only looks up maps', () => {
  const saf = permits('NONE', 'ALICE READ', 'OPS READ');
  assert.equal(saf.resource('WEB'), saf.resource('WEB'));
  assert.equal(saf.check('WEB', 1001, []), saf.resource('WEB').uids.get(1001));
  assert.equal(saf.check('WEB', 7, [50]), saf.resource('WEB').gids.get(50));
  assert.equal(saf.check('WEB', 7, [7]), saf.resource('WEB').everyone);
});
