/** docs/profile.md: each example has the verdicts in the table below it; the tables match the sources. */

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

/** A fenced block, and the table below it. */
interface Example {
  readonly line: number;
  readonly language: string;
  /** "error", "warning", "file", or empty. */
  readonly mark: string;
  /** The code of the finding, or the name of the file. */
  readonly code: string;
  readonly text: string;
  readonly verdicts: readonly (readonly [request: string, verdict: string])[];
}

const BLOCK =
  /^```(profile|racf|bpxprm)(?: (\w+) (\S+))?\n([\s\S]*?)^```\n(?:\n\| request \| verdict \|\n\|.*\n((?:\|.*\n)+))?/gm;

const EXAMPLES: readonly Example[] = [...PAGE.matchAll(BLOCK)].map((match) => {
  const [, language = '', mark = '', code = '', text = '', table = ''] = match;
  const line = PAGE.slice(0, match.index).split('\n').length;
  const verdicts = [...table.matchAll(/^\| (.*) \| (.*) \|$/gm)].map(
    ([, request = '', verdict = '']) => [request, verdict] as const,
  );
  return { line, language, mark, code, text, verdicts };
});

/** The profiles, each with the RACF commands or BPXPRMxx member after it. */
const PROFILES = EXAMPLES.flatMap((example, i) => {
  if (example.language !== 'profile' || example.mark === 'file') return [];
  const next = EXAMPLES[i + 1];
  return [{ ...example, related: next?.language === 'profile' ? undefined : next }];
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
    return included === undefined ? { problem: 'no such file' } : { file: path, text: included };
  };
  const { statements, findings } = parseProfile({ file: FILE, text }, { include, symbols: SYMBOLS });
  const built = buildProfile(statements);
  return { profile: built.profile, findings: [...findings, ...built.findings] };
}

/** The findings without notices about skipped statements and parameters. */
const codesOf = (findings: readonly Pick<Finding, 'severity' | 'code'>[]): string[] =>
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
  assert.deepEqual(codesOf([...(racf ? diagnostics : []), ...saf.findings]), []);
  return new RuleTable(profile, { authportJobs: AUTHPORT_JOBS, saf });
}

const REQUEST =
  /^(?<listen>listen )?(?<job>\S+) (?<port>\d+)\/(?<protocol>tcp|udp)(?: at (?<address>[^ ,]+))?(?:, (?<user>\w+))?$/;

function requestOf(text: string): BindRequest {
  const { listen, job, port, protocol, address = '0.0.0.0', user = 'bob' } = REQUEST.exec(text)?.groups ?? {};
  const ip: IpAddress | undefined = parseIp(address);
  const number = parseDecimal(port ?? '', PORT_MAX);
  const identity = USERS[user];
  if (job === undefined || number === undefined || !ip || !identity) assert.fail(`cannot read "${text}"`);
  return {
    operation: listen === undefined ? 'bind' : 'listen',
    protocol: protocol === 'udp' ? 'udp' : 'tcp',
    address: ip,
    port: number,
    job,
    ...identity,
  };
}

/** A verdict in the format of the page. */
function verdictText(verdict: Verdict): string {
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
  for (const { line, text, mark, code, verdicts, related } of PROFILES) {
    const { profile, findings } = read(text);

    test(`line ${line}: ${mark === '' ? 'no findings' : `${mark} ${code}`}`, () => {
      assert.deepEqual(codesOf(findings), mark === '' ? [] : [`${mark} ${code}`]);
    });

    for (const [request, expected] of [...verdicts, ...(related?.verdicts ?? [])]) {
      test(`line ${line}: ${request}`, () => {
        const table = tableFor(profile, related?.language === 'racf' ? related : undefined);
        assert.equal(verdictText(decide(table, requestOf(request))), expected);
      });
    }

    if (related?.language !== 'bpxprm') continue;
    test(`line ${related.line}: ${related.mark === '' ? 'no findings' : `${related.mark} ${related.code}`}`, () => {
      const { ranges, kernelJob, diagnostics } = parseBpxprm({ file: FILE, text: related.text });
      assert.equal(ranges.length, 1);
      const found = codesOf([...diagnostics, ...checkInaddrAny(ranges, profile, kernelJob)]);
      assert.deepEqual(found, related.mark === '' ? [] : [`${related.mark} ${related.code}`]);
    });
  }

  test('include every fenced block and every table of verdicts', () => {
    assert.equal(EXAMPLES.length, [...PAGE.matchAll(/^```\w+/gm)].length);
    const tables = EXAMPLES.filter(({ verdicts }) => verdicts.length > 0);
    assert.equal(tables.length, [...PAGE.matchAll(/^\| request \|/gm)].length);
  });

  test('show every supported statement and every reason', () => {
    const words = new Set(
      PROFILES.flatMap(({ text }) => text.replace(/;.*/g, '').toUpperCase().split(/\s+/)),
    );
    const supported = STATEMENT_NAMES.filter(({ kind }) => kind !== 'SKIPPED');
    assert.deepEqual(
      supported.map(({ keyword }) => keyword.toUpperCase()).filter((name) => !words.has(name)),
      [],
    );
    const all = EXAMPLES.flatMap(({ verdicts }) => verdicts.map(([, verdict]) => verdict));
    const shown = Object.keys(REASONS).filter((reason) =>
      all.some((verdict) => verdict.includes(`: ${reason}`)),
    );
    assert.deepEqual(shown, Object.keys(REASONS));
  });
});

describe('the tables', () => {
  test('of reasons has each with its verdict', () => {
    const rows = tableOf(FILE, ['reason', 'verdict', 'when']).map((row) => [
      unquoted(row['reason']),
      row['verdict'],
    ]);
    assert.deepEqual(Object.fromEntries(rows), REASONS);
    assert.equal(rows.length, Object.keys(REASONS).length);
  });

  test('of statements has every supported one', () => {
    const rows = tableOf(FILE, ['statement', 'purpose']).map((row) => unquoted(row['statement']));
    const supported = STATEMENT_NAMES.filter(({ kind }) => kind !== 'SKIPPED');
    assert.deepEqual(
      rows,
      supported.map(({ keyword }) => keyword),
    );
  });

  test('of skipped statements has each with its end word', () => {
    const skipped = STATEMENT_NAMES.filter(({ kind }) => kind === 'SKIPPED');
    const blocks = tableOf(FILE, ['statement', 'end word']).map((row) => [
      unquoted(row['statement']),
      unquoted(row['end word']),
    ]);
    assert.deepEqual(
      blocks,
      skipped.flatMap(({ keyword, end }) => (end === undefined ? [] : [[keyword, end]])),
    );
    const others = /^Without an end word:([^.]*)\.$/m.exec(PAGE)?.[1] ?? '';
    assert.deepEqual(
      [...others.matchAll(/`(\w+)`/g)].map(([, name]) => name),
      skipped.filter(({ end }) => end === undefined).map(({ keyword }) => keyword),
    );
  });
});

/** The places in the sources where a code is given. */
const CODES = [
  /\bcode(?:: | = )'([A-Z_]+)'/g,
  /(?:errorAt|semanticProblem|#error|refuse)\(\s*[^,'()]+,\s*'([A-Z_]+)'/g,
  /(?:refuse|PortreeveError)\(\s*'([A-Z_]+)'/g,
  /(?:syntaxProblem)\([^;]*?, '([A-Z]+(?:_[A-Z]+)*)'\)/g,
];

describe('the codes', () => {
  const rows = tableOf(FILE, ['code', 'z/OS', 'meaning']);
  const codes = new Map(rows.map((row) => [unquoted(row['code']), row['z/OS'] ?? '']));

  test('are the codes in the sources', async () => {
    const files = await sourceFiles(['src/profile/text']);
    const statements = files.filter((file) => !/\.test\.ts$|\/(?:bpxprm|racf|resname|tso)/.test(file));
    const sources = [...statements, 'src/profile/core/build.ts'];
    const found = new Set<string>();
    for (const file of sources) {
      const source = readFileSync(new URL(file, ROOT), 'utf8');
      for (const pattern of CODES) for (const [, code = ''] of source.matchAll(pattern)) found.add(code);
    }
    const ofFiles = [...(/^Of files that are not text: (.*)\.$/m.exec(PAGE)?.[1] ?? '').matchAll(/`(\w+)`/g)];
    assert.deepEqual([...codes.keys(), ...ofFiles.map(([, code]) => code)].sort(), [...found].sort());
  });

  test('are unique', () => {
    assert.equal(codes.size, rows.length);
  });

  test('have their z/OS message numbers', () => {
    const findings = PROFILES.flatMap(({ text }) => read(text).findings);
    for (const { code, zos = '' } of findings) assert.equal(zos, codes.get(code), code);
    const shown = new Set(findings.map(({ code }) => code));
    const numbered = [...codes].filter(([, zos]) => zos !== '').map(([code]) => code);
    assert.deepEqual(
      numbered.filter((code) => !shown.has(code)),
      [],
      'there is no example of these',
    );
  });
});
