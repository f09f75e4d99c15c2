// `portreeve decide`: decides whether a job may bind ports, and shows the rules that decide.

import { formatIp, type IpAddress, parseAddress } from '../../base/address.ts';
import { EXIT_CODES } from '../../base/errors.ts';
import { printable } from '../../base/printable.ts';
import { jobCalled } from '../../job/app/jobs.ts';
import { identityOf, identityOfUid, readUsers, type UserFiles } from '../../job/app/users.ts';
import { knownFiles } from '../../job/commands/known-deps.ts';
import type { Io } from '../../kit/io.ts';
import { emphasize, json } from '../../kit/text.ts';
import { expandPorts } from '../../names/commands/port-arguments.ts';
import {
  type Decision,
  decideQuestion,
  type Question,
  type Rules,
  type SafCheckResult,
} from '../app/decide.ts';
import { profileInForce } from '../app/in-force.ts';
import { loadProfile } from '../app/load.ts';
import { loadRacf, safCheck } from '../app/racf.ts';
import type { ProfileSettings } from '../app/settings.ts';
import type { Allowed, Reason, Verdict } from '../core/verdict.ts';
import { ruleText } from './changes.ts';
import { archiveToRead, profileFiles, stateToRead } from './deps.ts';
import type { DecideOptions } from './index.ts';
import { requireNoErrors } from './require-no-errors.ts';
import { readProfileSettings } from './settings.ts';

export async function decideCommand(
  job: string,
  ports: readonly string[],
  options: DecideOptions,
  io: Io,
): Promise<number> {
  const settings = await readProfileSettings(options, io);
  const files = await knownFiles(stateToRead(options.state, io));
  const users = readUsers(files);
  const { lowPorts } = options;
  const { name, aliases } = jobCalled(job, profileFiles);
  const common: Omit<Question, 'port' | 'protocol'> = {
    job: name,
    aliases,
    address: parseAddress(options.address ?? '0.0.0.0'),
    operation: options.listen ? 'listen' : 'bind',
    identity: options.user === undefined ? identityOfUid(io.uid, users) : identityOf(options.user, users),
    lowPortCapable: lowPorts && lowPorts === 'yes',
  };
  const questions = questionsOf(ports, common);
  const rules = rulesOf(options, settings, files, io);
  const decided = questions.map((question) => ({ question, decision: decideQuestion(question, rules) }));
  if (options.json) {
    const decisions = decided.map(({ decision }) => jsonOf(decision, rules));
    io.out(json(decisions.length === 1 ? decisions[0] : { decisions }));
  } else
    io.out(decided.map(({ question, decision }) => decisionText(io, question, decision, rules)).join('\n'));
  return decided.every(({ decision }) => decision.verdict.allowed) ? 0 : EXIT_CODES.refused;
}

/** One for each port. Throws PortreeveError (usage) `PORT_INVALID` and `PORTS_TOO_MANY`. */
function questionsOf(ports: readonly string[], common: Omit<Question, 'port' | 'protocol'>): Question[] {
  return expandPorts(ports, { protocol: 'required', takesZero: true }).flatMap(({ first, protocol }) =>
    protocol === undefined ? [] : [{ ...common, port: first, protocol }],
  );
}

/** Rules and their source: a file, a revision, or neither if no profile is in force. */
interface SourcedRules extends Rules {
  readonly file?: string;
  readonly revision?: number | undefined;
}

/** The rules of --profile, otherwise those in force. */
function rulesOf(options: DecideOptions, settings: ProfileSettings, known: UserFiles, io: Io): SourcedRules {
  const { authportJobs, omvsJob, sysname, tcpname, reading } = settings;
  const users = readUsers(known);
  const files = { readBytes: profileFiles.readBytes, readText: known.readText };
  const named =
    settings.racf === undefined ? undefined : loadRacf(settings.racf, files, { sysname, tcpname });
  if (named) requireNoErrors(named.report, named.text.path, options, io);
  if (options.profile !== undefined) {
    const { profile, report } = loadProfile(options.profile, files, reading);
    requireNoErrors(report, options.profile, options, io);
    const saf = safCheck(named?.text, users, { sysname, tcpname });
    return { profile, authportJobs, omvsJob, saf, file: options.profile };
  }
  const inForce = profileInForce(archiveToRead(options.state, io));
  const names = {
    sysname: inForce.options?.symbols['SYSNAME'] ?? sysname,
    tcpname: inForce.options?.tcpname ?? tcpname,
  };
  const saf = safCheck(
    options.racf === undefined ? (inForce.racf ?? named?.text) : named?.text,
    users,
    names,
  );
  return { profile: inForce.profile, authportJobs, omvsJob, saf, revision: inForce.head?.number };
}

function jsonOf({ request, verdict, listen, saf }: Decision, { file, revision }: SourcedRules) {
  const { address, ...rest } = request;
  return {
    profile: file ?? null,
    revision: revision ?? null,
    request: { ...rest, address: formatIp(address) },
    ...jsonOfVerdict(verdict),
    listen: listen ? jsonOfVerdict(listen) : null,
    saf: saf ? { ...saf, rule: saf.rule ?? null } : null,
  };
}

function jsonOfVerdict(verdict: Verdict) {
  const { allowed, reason } = verdict;
  const rule = verdict.rule ?? null;
  if (!verdict.allowed) return { allowed, reason, rule, errno: verdict.errno };
  const { address, isShared, acks, smc, lowPortGranted, assignedFrom } = verdict;
  return {
    allowed,
    reason,
    rule,
    address: address ? formatIp(address) : null,
    isShared,
    acks: acks ?? null,
    smc: smc ?? null,
    lowPortGranted,
    assignedFrom: assignedFrom ?? null,
  };
}

function decisionText(
  io: Io,
  question: Question,
  { request, verdict, listen, saf }: Decision,
  { file, revision }: SourcedRules,
): string {
  const answer = verdict.allowed ? 'allowed' : 'denied';
  const facts = [
    ...(file === undefined && revision === undefined ? [['profile', 'none in force'] as const] : []),
    ...ruleFacts(verdict),
    ...(saf ? [safFact(saf)] : []),
    ...(verdict.allowed ? allowedFacts(verdict, request.address) : [['errno', verdict.errno] as const]),
    ...(listen && !listen.allowed
      ? [['listen', `denied: ${reasonText(question, listen.reason)}`] as const]
      : []),
    ...(listen && !listen.allowed ? ruleFacts(listen) : []),
  ];
  return [
    `${emphasize(io, answer)}: ${reasonText(question, verdict.reason)}\n`,
    ...facts.map(([name, value]) => `${name.padEnd(7)}  ${value}\n`),
  ].join('');
}

function ruleFacts({ rule }: Verdict): (readonly [string, string])[] {
  return rule ? [['rule', `${ruleText(rule)}  ${printable(rule.text)}`]] : [];
}

function safFact({ resname, permitted, rule }: SafCheckResult): readonly [string, string] {
  const answer = `${resname}: ${permitted ? 'permitted' : 'not permitted'}`;
  const by = rule ? `${ruleText(rule)}  ${printable(rule.text)}` : 'no RACF profile covers this resource';
  return ['saf', `${answer}, ${by}`];
}

function allowedFacts(verdict: Allowed, requested: IpAddress): (readonly [string, string])[] {
  const { address, isShared, acks, smc, lowPortGranted, assignedFrom } = verdict;
  return [
    ...(address
      ? [['address', `${formatIp(address)} instead of ${formatIp(requested)} (BIND)`] as const]
      : []),
    ...(isShared ? [['shared', 'several listeners may share the port'] as const] : []),
    ...(acks ? [['acks', acks] as const] : []),
    ...(smc ? [['smc', smc] as const] : []),
    ...(lowPortGranted
      ? [['low', 'granted without CAP_NET_BIND_SERVICE, which Linux requires below 1024'] as const]
      : []),
    ...(assignedFrom ? [['range', assignedFrom] as const] : []),
  ];
}

function reasonText({ job, port, protocol, operation, identity }: Question, reason: Reason): string {
  const it = `${port}/${protocol}`;
  const unreserved = `${it} is not reserved`;
  const user = identity.name === undefined ? `uid ${identity.uid}` : `user ${printable(identity.name)}`;
  const reasons: Readonly<Record<Reason, string>> = {
    PORT_ZERO: 'the kernel assigns a port that is not reserved',
    RESERVED_FOR_JOB: `${it} is reserved for ${job}`,
    RESERVED_FOR_NO_ONE: `${it} is reserved; no job may bind it`,
    RESERVED_FOR_OTHERS: `${it} is reserved for other jobs, not for ${job}`,
    SAF_NOT_PERMITTED: `${it} requires READ access to a SAF resource; ${user} does not have it`,
    LOW_PORT_RESTRICTED: `${unreserved}; RESTRICTLOWPORTS requires CAP_NET_BIND_SERVICE below 1024`,
    LOW_PORT_OF_LINUX: `${unreserved}; Linux requires CAP_NET_BIND_SERVICE below 1024`,
    UNRESERVED_FOR_JOB: `${unreserved}; an UNRSV entry permits ${job}`,
    UNRESERVED_DENIED: `${unreserved}; an UNRSV entry denies ${job}`,
    UNRESERVED_FOR_OTHERS: `${unreserved}; no UNRSV entry permits ${job}`,
    UNRESERVED: operation === 'listen' ? `no rule applies at listen(2) on ${it}` : unreserved,
  };
  return reasons[reason];
}
