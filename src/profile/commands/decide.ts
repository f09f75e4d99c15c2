// `portreeve decide`: may this job have these ports, and which rules say so.

import { formatIp, type IpAddress, parseAddress } from '../../base/address.ts';
import { EXIT_CODES } from '../../base/errors.ts';
import { printable } from '../../base/printable.ts';
import { jobCalled } from '../../job/app/jobs.ts';
import { identityOf, identityOfUid, readUsers, type UserFiles } from '../../job/app/users.ts';
import { knownFiles } from '../../job/commands/known-deps.ts';
import type { Io } from '../../kit/io.ts';
import { emphasize, json } from '../../kit/text.ts';
import { portsOneByOne } from '../../names/commands/port-arguments.ts';
import { type Decision, decideQuestion, type Question, type Rules, type SafAsked } from '../app/decide.ts';
import { profileInForce } from '../app/in-force.ts';
import { loadProfile } from '../app/load.ts';
import { loadRacf, safCheck } from '../app/racf.ts';
import type { ProfileSettings } from '../app/settings.ts';
import type { Allowed, Reason, Verdict } from '../core/verdict.ts';
import { ruleText } from './changes.ts';
import { archiveToRead, profileFiles, stateToRead } from './deps.ts';
import type { DecideOptions } from './index.ts';
import { settleProfile } from './settings.ts';
import { requireSound } from './sound.ts';

export async function decideCommand(
  job: string,
  ports: readonly string[],
  options: DecideOptions,
  io: Io,
): Promise<number> {
  const settings = await settleProfile(options, io);
  const files = await knownFiles(stateToRead(options.state, io));
  const users = readUsers(files);
  const { lowPorts } = options;
  const asked = jobCalled(job, profileFiles);
  const about: Omit<Question, 'port' | 'protocol'> = {
    job: asked.name,
    aliases: asked.aliases,
    address: parseAddress(options.address ?? '0.0.0.0'),
    operation: options.listen ? 'listen' : 'bind',
    identity: options.user === undefined ? identityOfUid(io.uid, users) : identityOf(options.user, users),
    lowPortCapable: lowPorts && lowPorts === 'yes',
  };
  const questions = questionsOf(ports, about);
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
function questionsOf(ports: readonly string[], about: Omit<Question, 'port' | 'protocol'>): Question[] {
  return portsOneByOne(ports, { protocol: 'required', takesZero: true }).flatMap(({ first, protocol }) =>
    protocol === undefined ? [] : [{ ...about, port: first, protocol }],
  );
}

/** Rules, and where they are from: a file, a revision, or nothing. */
interface FoundRules extends Rules {
  readonly file?: string;
  readonly revision?: number | undefined;
}

/** The rules of the file that was named, else those in force. */
function rulesOf(options: DecideOptions, settings: ProfileSettings, known: UserFiles, io: Io): FoundRules {
  const { authportJobs, omvsJob, sysname, tcpname, reading } = settings;
  const users = readUsers(known);
  const files = { readBytes: profileFiles.readBytes, readText: known.readText };
  const named =
    settings.racf === undefined ? undefined : loadRacf(settings.racf, files, { sysname, tcpname });
  if (named) requireSound(named.report, named.text.path, options, io);
  if (options.profile !== undefined) {
    const { profile, report } = loadProfile(options.profile, files, reading);
    requireSound(report, options.profile, options, io);
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

function jsonOf({ request, verdict, listen, saf }: Decision, { file, revision }: FoundRules) {
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
  const { address, isShared, acks, smc, lowPortGranted, pool } = verdict;
  return {
    allowed,
    reason,
    rule,
    address: address ? formatIp(address) : null,
    isShared,
    acks: acks ?? null,
    smc: smc ?? null,
    lowPortGranted,
    pool: pool ?? null,
  };
}

function decisionText(
  io: Io,
  question: Question,
  { request, verdict, listen, saf }: Decision,
  { file, revision }: FoundRules,
): string {
  const answer = verdict.allowed ? 'allowed' : 'denied';
  const facts = [
    ...(file === undefined && revision === undefined ? [['profile', 'none is in force'] as const] : []),
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

function safFact({ resname, permitted, rule }: SafAsked): readonly [string, string] {
  const answer = `${resname}: ${permitted ? 'permitted' : 'not permitted'}`;
  const by = rule ? `${ruleText(rule)}  ${printable(rule.text)}` : 'no RACF profile covers it';
  return ['saf', `${answer}, ${by}`];
}

function allowedFacts(verdict: Allowed, asked: IpAddress): (readonly [string, string])[] {
  const { address, isShared, acks, smc, lowPortGranted, pool } = verdict;
  return [
    ...(address
      ? [['address', `${formatIp(address)} in the place of ${formatIp(asked)} (BIND)`] as const]
      : []),
    ...(isShared ? [['shared', 'several listeners may have the port'] as const] : []),
    ...(acks ? [['acks', acks] as const] : []),
    ...(smc ? [['smc', smc] as const] : []),
    ...(lowPortGranted
      ? [['low', 'a port below 1024, which Linux alone would not let it have'] as const]
      : []),
    ...(pool ? [['pool', pool] as const] : []),
  ];
}

function reasonText({ job, port, protocol, operation, identity }: Question, reason: Reason): string {
  const it = `port ${port}/${protocol}`;
  const free = `${it} is not reserved`;
  const user = identity.name === undefined ? `uid ${identity.uid}` : `user ${printable(identity.name)}`;
  const reasons: Readonly<Record<Reason, string>> = {
    PORT_ZERO: 'the kernel chooses a port that is not reserved',
    RESERVED_FOR_JOB: `${it} is reserved for ${job}`,
    RESERVED_FOR_NO_ONE: `${it} is reserved for no one`,
    RESERVED_FOR_OTHERS: `${it} is reserved, and not for ${job}`,
    SAF_NOT_PERMITTED: `${it} takes READ access to a SAF resource, which ${user} does not have`,
    LOW_PORT_RESTRICTED: `${free}, and RESTRICTLOWPORTS keeps those below 1024`,
    LOW_PORT_OF_LINUX: `${free}, and Linux keeps those below 1024 for who has CAP_NET_BIND_SERVICE`,
    UNRESERVED_FOR_JOB: `${free}, and UNRSV lets ${job} have such ports`,
    UNRESERVED_DENIED: `${free}, and UNRSV denies such ports to ${job}`,
    UNRESERVED_FOR_OTHERS: `${free}, and UNRSV has no entry for ${job}`,
    UNRESERVED: operation === 'listen' ? `nothing is asked of ${job} at listen(2)` : free,
  };
  return reasons[reason];
}
