/** Reads test/vectors/profile: profiles with handwritten verdicts, in the format of its README. */

import { readdirSync, readFileSync } from 'node:fs';
import { formatIp, parseIp } from '../../src/base/address.ts';
import { parseDecimal } from '../../src/base/port.ts';
import type { Allowed, BindRequest, Denied } from '../../src/profile/core/verdict.ts';

/** A line of a `.verdicts` file. */
export interface GoldenVerdict {
  /** The request as written. */
  readonly requestText: string;
  readonly request: BindRequest;
  readonly expected: string;
}

export interface GoldenProfile {
  readonly name: string;
  readonly file: string;
  readonly text: string;
  readonly authportJobs: readonly string[];
  readonly isPermitted: (resname: string, uid: number, groups: readonly number[]) => boolean;
  /** "error PORT_CONFLICT line 3", sorted. */
  readonly findings: readonly string[];
  readonly verdicts: readonly GoldenVerdict[];
}

/** A verdict with plain strings, so that it includes those of the oracle. */
export type AnyVerdict =
  | (Omit<Allowed, 'reason' | 'acks' | 'smc' | 'assignedFrom'> & {
      readonly reason: string;
      readonly acks: string | undefined;
      readonly smc: string | undefined;
      readonly assignedFrom: string | undefined;
    })
  | (Omit<Denied, 'reason'> & { readonly reason: string });

const FOLDER = new URL('../vectors/profile/', import.meta.url);
const UID = 1000;

/** The files of the folder. */
export function goldenFiles(): string[] {
  return readdirSync(FOLDER).sort();
}

/** The text of a file; undefined if there is no such file. */
export function goldenText(file: string): string | undefined {
  return goldenFiles().includes(file) ? readFileSync(new URL(file, FOLDER), 'utf8') : undefined;
}

/** Every profile with its verdicts. */
export function goldenProfiles(): GoldenProfile[] {
  return goldenFiles()
    .filter((file) => file.endsWith('.profile'))
    .map((file) => readGolden(file.slice(0, -'.profile'.length)));
}

function readGolden(name: string): GoldenProfile {
  const file = `${name}.profile`;
  const authportJobs: string[] = [];
  const permits: string[] = [];
  const findings: string[] = [];
  const verdicts: GoldenVerdict[] = [];
  for (const line of (goldenText(`${name}.verdicts`) ?? '').split('\n')) {
    const [first = '', ...rest] = line.split(' ');
    if (first === '' || first === '#') continue;
    if (first === 'authport') authportJobs.push(...rest);
    else if (first === 'permit') permits.push(rest.join(' '));
    else if (['error', 'warning', 'notice'].includes(first)) findings.push(line);
    else verdicts.push(readVerdict(line, name));
  }
  const isPermitted: GoldenProfile['isPermitted'] = (resname, uid, groups) =>
    permits.includes(`${resname} uid ${uid}`) ||
    groups.some((group) => permits.includes(`${resname} group ${group}`));
  return {
    name,
    file,
    text: goldenText(file) ?? '',
    authportJobs,
    isPermitted,
    findings: findings.sort(),
    verdicts,
  };
}

const REQUEST =
  /^(?<operation>bind|listen) (?<protocol>tcp|udp) (?<address>\S+) (?<port>\d+) (?<job>\S+)(?<userText>( .*)?)$/;
const USER = /^(?: uid (?<uid>\d+))?(?: group (?<group>\d+))?(?<capable> capable)?$/;

/** Reads a request and its verdict; `name` is the file name without extension. */
export function readVerdict(line: string, name: string): GoldenVerdict {
  const [requestText = '', expected = ''] = line.split(' -> ');
  const { operation, protocol, address, port, job, userText } = REQUEST.exec(requestText)?.groups ?? {};
  const user = USER.exec(userText ?? '')?.groups;
  const ip = parseIp(address ?? '');
  if (!job || !ip || !user || !/^(?:allow|deny) /.test(expected)) {
    throw new Error(`${name}.verdicts: cannot read "${line}"`);
  }
  const { group, capable } = user;
  const uid = user['uid'] === undefined ? UID : numberOf(user['uid']);
  return {
    requestText,
    request: {
      operation: operation === 'listen' ? 'listen' : 'bind',
      protocol: protocol === 'udp' ? 'udp' : 'tcp',
      address: ip,
      port: numberOf(port),
      job,
      uid,
      groups: group === undefined ? [uid] : [uid, numberOf(group)],
      lowPortCapable: capable !== undefined,
    },
    expected,
  };
}

function numberOf(digits = ''): number {
  const value = parseDecimal(digits, 65535);
  if (value === undefined) throw new Error(`"${digits}" is too large`);
  return value;
}

/** A verdict in the format of the files; `file` is the default file of rules. */
export function verdictText(verdict: AnyVerdict, file: string, withRuleText: boolean): string {
  const { reason, rule } = verdict;
  const where = rule && `line ${rule.line}${rule.file === file ? '' : ` of ${rule.file}`}`;
  const ruleText = withRuleText && rule && `rule ${rule.text}`;
  if (!verdict.allowed) return joined('deny', reason, where, ruleText);
  const { address, isShared, acks, smc, lowPortGranted, assignedFrom } = verdict;
  return joined(
    'allow',
    reason,
    where,
    address && `address ${formatIp(address)}`,
    isShared ? 'shared' : undefined,
    acks && `acks ${acks}`,
    smc && `smc ${smc}`,
    lowPortGranted ? 'granted' : undefined,
    assignedFrom && `from ${assignedFrom}`,
    ruleText,
  );
}

function joined(...parts: readonly (string | undefined | false)[]): string {
  return parts.filter((part) => part !== undefined && part !== false).join(' ');
}
