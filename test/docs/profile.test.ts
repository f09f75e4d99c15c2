/** docs/profile.md: each example is read and asked what stands beneath it; its tables are those of the sources. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { formatIp, type IpAddress, parseIp } from '../../src/base/address.ts';
import { PORT_MAX, parseDecimal } from '../../src/base/port.ts';
import { buildProfile } from '../../src/profile/core/build.ts';
import { decide } from '../../src/profile/core/decide.ts';
import { checkInaddrAny } from '../../src/profile/core/inaddrany.ts';
import type { Profile } from '../../src/profile/core/rules.ts';
import { SafTable } from '../../src/profile/core/saf.ts';
import { RuleTable } from '../../src/profile/core/table.ts';
import type { BindRequest, Reason, Verdict } from '../../src/profile/core/verdict.ts';
import { parseBpxprm } from '../../src/profile/text/bpxprm.ts';
import { STATEMENT_NAMES } from '../../src/profile/text/keywords.ts';
import { parseProfile } from '../../src/profile/text/parse.ts';
import { parseRacf } from '../../src/profile/text/racf.ts';
import type { Finding } from '../../src/text/source.ts';
import { ROOT, sourceFiles } from '../support/files.ts';
import { tableOf } from '../support/tables.ts';

const FILE = 'docs/profile.md';
const PAGE = readFileSync(new URL(FILE, ROOT), 'utf8');

/** A fenced block, and the table beneath it. */
interface Example {
  readonly line: number;
  readonly language: string;
  /** "error", "warning" or "file", if anything is said about it. */
  readonly mark: string;
  /** The code of what is wrong, or the name of the file. */
  readonly code: string;
  readonly text: string;
  readonly verdicts: readonly (readonly [asked: string, answer: string])[];
}

const BLOCK =
  /^```(profile|racf|bpxprm)(?: (\w+) (\S+))?\n([\s\S]*?)^```\n(?:\n\| asked \| answer \|\n\|.*\n((?:\|.*\n)+))?/gm;

const EXAMPLES: readonly Example[] = [...PAGE.matchAll(BLOCK)].map((match) => {
  const [, language = '', mark = '', code = '', text = '', table = ''] = match;
  const line = PAGE.slice(0, match.index).split('\n').length;
  const verdicts = [...table.matchAll(/^\| (.*) \| (.*) \|$/gm)].map(
    ([, asked = '', answer = '']) => [asked, answer] as const,
  );
  return { line, language, mark, code, text, verdicts };
});

/** Where an example begins that another one goes with, and what belongs to the profile: RACF commands, BPXPRMxx. */
const PROFILES = EXAMPLES.flatMap((example, i) => {
  if (example.language !== 'profile' || example.mark === 'file') return [];
  const next = EXAMPLES[i + 1];
  return [{ ...example, inline: next?.language === 'profile' ? undefined : next }];
});

const FILES = new Map(EXAMPLES.filter(({ mark }) => mark === 'file').map(({ code, text }) => [code, text]));
const SYMBOLS = { SYSNAME: 'PROD1' };
const AUTHPORT_JOBS = ['FTPD1'];

interface Read {
  readonly profile: Profile;
  readonly findings: readonly Finding[];
}

function read(text: string): Read {
  const include = (path: string) => {
    const included = FILES.get(path);
    return included === undefined ? { problem: 'it is not there' } : { file: path, text: included };
  };
  const { statements, findings } = parseProfile({ file: FILE, text }, { include, symbols: SYMBOLS });
  const built = buildProfile(statements);
  return { profile: built.profile, findings: [...findings, ...built.findings] };
}

/** What is said, without the statements and parameters that were skipped. */
const reported = (findings: readonly Pick<Finding, 'severity' | 'code'>[]): string[] =>
  findings.filter(({ severity }) => severity !== 'notice').map(({ severity, code }) => `${severity} ${code}`);

/** The users of the page. */
const USERS: Readonly<Record<string, Pick<BindRequest, 'uid' | 'groups' | 'lowPortCapable'>>> = {
  root: { uid: 0, groups: [0], lowPortCapable: true },
  alice: { uid: 1001, groups: [1001], lowPortCapable: false },
  bob: { uid: 1002, groups: [1002], lowPortCapable: false },
};
const ACCOUNTS = Object.entries(USERS).map(([name, { uid }]) => ({ name, uid, gid: uid }));

function tableFor(profile: Profile, racf: Example | undefined): RuleTable {
  const { commands, diagnostics } = parseRacf({ file: FILE, text: racf?.text ?? '' });
  const groups = ACCOUNTS.map(({ name, gid }) => ({ name, gid, members: [] }));
  const saf = new SafTable(commands, {
    accounts: ACCOUNTS,
    groups,
    sysname: SYMBOLS.SYSNAME,
    tcpname: 'TCPIP',
  });
  assert.deepEqual(reported([...(racf ? diagnostics : []), ...saf.findings]), []);
  return new RuleTable(profile, { authportJobs: AUTHPORT_JOBS, saf });
}

const ASKED =
  /^(?<listen>listen )?(?<job>\S+) (?<port>\d+)\/(?<protocol>tcp|udp)(?: at (?<address>[^ ,]+))?(?:, (?<user>\w+))?$/;

function requestOf(asked: string): BindRequest {
  const { listen, job, port, protocol, address = '0.0.0.0', user = 'bob' } = ASKED.exec(asked)?.groups ?? {};
  const ip: IpAddress | undefined = parseIp(address);
  const number = parseDecimal(port ?? '', PORT_MAX);
  const identity = USERS[user];
  if (job === undefined || number === undefined || !ip || !identity) assert.fail(`cannot read "${asked}"`);
  return {
    operation: listen === undefined ? 'bind' : 'listen',
    protocol: protocol === 'udp' ? 'udp' : 'tcp',
    address: ip,
    port: number,
    job,
    ...identity,
  };
}

/** A verdict in the words of the page. */
function answerOf(verdict: Verdict): string {
  if (!verdict.allowed) return `denied: ${verdict.reason}`;
  const { reason, address, isShared, acks, smc, lowPortGranted, assignedFrom } = verdict;
  return [
    `allowed: ${reason}`,
    address && `gets ${formatIp(address)}`,
    isShared && 'shared',
    assignedFrom && `from ${assignedFrom}`,
    acks,
    smc,
    lowPortGranted && 'low port granted',
  ]
    .filter((part) => typeof part === 'string')
    .join(', ');
}

const REASONS: Readonly<Record<Reason, 'allowed' | 'denied'>> = {
  PORT_ZERO: 'allowed',
  RESERVED_FOR_JOB: 'allowed',
  RESERVED_FOR_NO_ONE: 'denied',
  RESERVED_FOR_OTHERS: 'denied',
  SAF_NOT_PERMITTED: 'denied',
  LOW_PORT_RESTRICTED: 'denied',
  LOW_PORT_OF_LINUX: 'denied',
  UNRESERVED_FOR_JOB: 'allowed',
  UNRESERVED_DENIED: 'denied',
  UNRESERVED_FOR_OTHERS: 'denied',
  UNRESERVED: 'allowed',
};

const unquoted = (cell = ''): string => cell.replaceAll('`', '');

describe('the examples', () => {
  for (const { line, text, mark, code, verdicts, inline } of PROFILES) {
    const { profile, findings } = read(text);

    test(`line ${line}: ${mark === '' ? 'nothing is wrong' : `${mark} ${code}`}`, () => {
      assert.deepEqual(reported(findings), mark === '' ? [] : [`${mark} ${code}`]);
    });

    for (const [asked, answer] of [...verdicts, ...(inline?.verdicts ?? [])]) {
      test(`line ${line}: ${asked}`, () => {
        const table = tableFor(profile, inline?.language === 'racf' ? inline : undefined);
        assert.equal(answerOf(decide(table, requestOf(asked))), answer);
      });
    }

    if (inline?.language !== 'bpxprm') continue;
    test(`line ${inline.line}: ${inline.mark === '' ? 'nothing is wrong' : `${inline.mark} ${inline.code}`}`, () => {
      const { ranges, kernelJob, diagnostics } = parseBpxprm({ file: FILE, text: inline.text });
      assert.equal(ranges.length, 1);
      const said = reported([...diagnostics, ...checkInaddrAny(ranges, profile, kernelJob)]);
      assert.deepEqual(said, inline.mark === '' ? [] : [`${inline.mark} ${inline.code}`]);
    });
  }

  test('are all of the fenced blocks that look like one, and their tables all that ask', () => {
    assert.equal(EXAMPLES.length, [...PAGE.matchAll(/^```\w+/gm)].length);
    const tables = EXAMPLES.filter(({ verdicts }) => verdicts.length > 0);
    assert.equal(tables.length, [...PAGE.matchAll(/^\| asked \|/gm)].length);
  });

  test('show every statement that is read, and every reason', () => {
    const words = new Set(
      PROFILES.flatMap(({ text }) => text.replace(/;.*/g, '').toUpperCase().split(/\s+/)),
    );
    const ours = STATEMENT_NAMES.filter(({ kind }) => kind !== 'SKIPPED');
    assert.deepEqual(
      ours.map(({ keyword }) => keyword.toUpperCase()).filter((name) => !words.has(name)),
      [],
    );
    const answers = EXAMPLES.flatMap(({ verdicts }) => verdicts.map(([, answer]) => answer));
    const shown = Object.keys(REASONS).filter((reason) =>
      answers.some((answer) => answer.includes(`: ${reason}`)),
    );
    assert.deepEqual(shown, Object.keys(REASONS));
  });
});

describe('the tables', () => {
  test('reasons: each with its verdict', () => {
    const rows = tableOf(FILE, ['reason', 'verdict', 'when']).map((row) => [
      unquoted(row['reason']),
      row['verdict'],
    ]);
    assert.deepEqual(Object.fromEntries(rows), REASONS);
    assert.equal(rows.length, Object.keys(REASONS).length);
  });

  test('statements that are read', () => {
    const rows = tableOf(FILE, ['statement', 'what it says']).map((row) => unquoted(row['statement']));
    const ours = STATEMENT_NAMES.filter(({ kind }) => kind !== 'SKIPPED');
    assert.deepEqual(
      rows,
      ours.map(({ keyword }) => keyword),
    );
  });

  test('statements that are skipped, with their ends', () => {
    const skipped = STATEMENT_NAMES.filter(({ kind }) => kind === 'SKIPPED');
    const blocks = tableOf(FILE, ['statement', 'its end']).map((row) => [
      unquoted(row['statement']),
      unquoted(row['its end']),
    ]);
    assert.deepEqual(
      blocks,
      skipped.flatMap(({ keyword, end }) => (end === undefined ? [] : [[keyword, end]])),
    );
    const others = /^The others:([^.]*)\.$/m.exec(PAGE)?.[1] ?? '';
    assert.deepEqual(
      [...others.matchAll(/`(\w+)`/g)].map(([, name]) => name),
      skipped.filter(({ end }) => end === undefined).map(({ keyword }) => keyword),
    );
  });
});

/** A code where a finding is made, or where one is handed on to be made. */
const CODES = [
  /\bcode(?:: | = )'([A-Z_]+)'/g,
  /(?:errorAt|semanticProblem|#error|refuse)\(\s*[^,'()]+,\s*'([A-Z_]+)'/g,
  /(?:refuse|PortreeveError)\(\s*'([A-Z_]+)'/g,
  /(?:syntaxProblem)\([^;]*?, '([A-Z]+(?:_[A-Z]+)*)'\)/g,
];

describe('the codes', () => {
  const rows = tableOf(FILE, ['code', 'z/OS', 'what it says']);
  const codes = new Map(rows.map((row) => [unquoted(row['code']), row['z/OS'] ?? '']));

  test('are those of the sources', async () => {
    const files = await sourceFiles(['src/profile/text']);
    const statements = files.filter((file) => !/\.test\.ts$|\/(?:bpxprm|racf|resname|tso)/.test(file));
    const sources = [...statements, 'src/profile/core/build.ts'];
    const found = new Set<string>();
    for (const file of sources) {
      const source = readFileSync(new URL(file, ROOT), 'utf8');
      for (const pattern of CODES) for (const [, code = ''] of source.matchAll(pattern)) found.add(code);
    }
    const ofFiles = [...(/^Of files that are no text: (.*)\.$/m.exec(PAGE)?.[1] ?? '').matchAll(/`(\w+)`/g)];
    assert.deepEqual([...codes.keys(), ...ofFiles.map(([, code]) => code)].sort(), [...found].sort());
  });

  test('stand in the order of the table once', () => {
    assert.equal(codes.size, rows.length);
  });

  test('have the number of z/OS that stands beside them', () => {
    const findings = PROFILES.flatMap(({ text }) => read(text).findings);
    for (const { code, zos = '' } of findings) assert.equal(zos, codes.get(code), code);
    const shown = new Set(findings.map(({ code }) => code));
    const numbered = [...codes].filter(([, zos]) => zos !== '').map(([code]) => code);
    assert.deepEqual(
      numbered.filter((code) => !shown.has(code)),
      [],
      'no example has these',
    );
  });
});
