// Compares the kernel's verdicts with those of decide(): random profiles in force, and binds by real programs.
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { formatIp } from '../../src/base/address.ts';
import { UNKNOWN_JOB } from '../../src/base/job.ts';
import { REFUSALS } from '../../src/guard/bpf/layout.ts';
import { DELAY_US } from '../../src/guard/bpf/outcome.ts';
import type { Permits } from '../../src/guard/bpf/tables.ts';
import { buildProfile } from '../../src/profile/core/build.ts';
import { decide } from '../../src/profile/core/decide.ts';
import type { Profile } from '../../src/profile/core/rules.ts';
import { RuleTable } from '../../src/profile/core/table.ts';
import type { Allowed, BindRequest, Reason, Verdict } from '../../src/profile/core/verdict.ts';
import { parseProfile } from '../../src/profile/text/parse.ts';
import { type AgentBound, BindAgent } from './bind-agent.ts';
import { type GuardFixture, NO_DELAY_US, tablesOf } from './guard.ts';
import { AUTHPORT_JOBS, isPermitted, PART, type RandomProfile, randomProfile } from './profile-generator.ts';

/** The user database: groups are read when tables are built, not when a program binds. */
const GROUPS = new Map<number, readonly number[]>([
  [0, [0]],
  [33, [33, 50]],
  [1000, [1000]],
]);
const NO_ACCOUNT = 4711;
const ERRNO = { reserved: 'EACCES', low: 'EADDRINUSE' } as const;
/** Every other profile is in force where Linux requires a capability for no port. */
const UNPRIVILEGED_STARTS = [1024, 0] as const;

/** A record, so that none can be omitted. */
const REASONS: Readonly<Record<Reason, true>> = {
  PORT_ZERO: true,
  RESERVED_FOR_JOB: true,
  RESERVED_FOR_NO_ONE: true,
  RESERVED_FOR_OTHERS: true,
  SAF_NOT_PERMITTED: true,
  LOW_PORT_RESTRICTED: true,
  LOW_PORT_OF_LINUX: true,
  UNRESERVED_FOR_JOB: true,
  UNRESERVED_DENIED: true,
  UNRESERVED_FOR_OTHERS: true,
  UNRESERVED: true,
};

const saf = {
  check: (resname: string, uid: number, groups: readonly number[]) => ({
    permitted: isPermitted(resname, uid, groups),
    source: undefined,
  }),
};

function permits(resname: string): Permits {
  const uids = [...GROUPS].map(([uid, groups]) => [uid, isPermitted(resname, uid, groups)] as const);
  return { uids: new Map(uids), everyone: isPermitted(resname, NO_ACCOUNT, [NO_ACCOUNT]) };
}

/** A request, and the program that makes it. */
interface Asked {
  readonly request: BindRequest;
  readonly agent: BindAgent;
}

/** The expected result of bind(2). */
interface Expected {
  readonly error: string | null;
  readonly address: string;
  readonly reusePort: boolean;
  readonly delayedAckUs: number;
}

/** Puts profiles in force and binds; each profile gets several requests. */
export class VerdictComparison {
  readonly #fixture: GuardFixture;
  /** In a cgroup without a job: judged by user. */
  readonly #byUser: BindAgent;
  /** A program for each job, in the job's cgroup. */
  readonly #byJob = new Map<string, { readonly cgroup: string; readonly agent: BindAgent }>();
  readonly #counts = new Map<string, number>();
  /** Refusals by the guard, by reason. */
  readonly #refused = new Map<Reason, bigint>();

  private constructor(fixture: GuardFixture, byUser: BindAgent) {
    this.#fixture = fixture;
    this.#byUser = byUser;
    fixture.kernel.setMode('enforce');
  }

  static async on(fixture: GuardFixture): Promise<VerdictComparison> {
    return new VerdictComparison(fixture, await BindAgent.on(fixture));
  }

  /** Compares this many verdicts on the profile of a seed. */
  async compare(seed: number, requests: number): Promise<void> {
    const random = randomProfile(seed);
    const { text, part } = random.written;
    const include = () => ({ file: PART, text: part });
    const { profile } = buildProfile(parseProfile({ file: 'profile', text }, { include }).statements);
    const drawn = Array.from({ length: requests }, () => random.nextRequest());
    const users = [...GROUPS.keys()].map((uid, i) => [uid, drawn[i]?.job ?? UNKNOWN_JOB] as const);
    const asked: Asked[] = [];
    for (const [i, request] of drawn.entries())
      asked.push(await this.#ask(request, i % 2 === 0, new Map(users)));
    const start = UNPRIVILEGED_STARTS[seed % 2] ?? 1024;
    await this.#byUser.setUnprivilegedStart(start);
    this.#putInForce(profile, users, start);
    const table = new RuleTable(atBind(profile), { authportJobs: AUTHPORT_JOBS, saf });
    for (const one of asked) await this.#compareOne(table, start, one, () => described(seed, random));
  }

  /** The identity of a bind: a program in the cgroup of the job, or one whose user has the job. */
  async #ask(drawn: BindRequest, isByCgroup: boolean, users: ReadonlyMap<number, string>): Promise<Asked> {
    const request = { ...drawn, operation: 'bind', groups: GROUPS.get(drawn.uid) ?? [] } as const;
    if (isByCgroup) return { request, agent: (await this.#jobOn(request.job)).agent };
    return { request: { ...request, job: users.get(request.uid) ?? UNKNOWN_JOB }, agent: this.#byUser };
  }

  async #jobOn(job: string) {
    const known = this.#byJob.get(job);
    if (known) return known;
    const cgroup = this.#fixture.below(`job-${this.#byJob.size}`);
    const made = { cgroup, agent: await BindAgent.on(this.#fixture, { cgroup }) };
    this.#byJob.set(job, made);
    return made;
  }

  #putInForce(
    profile: Profile,
    users: readonly (readonly [number, string])[],
    unprivilegedStart: number,
  ): void {
    const { kernel } = this.#fixture;
    const cgroups = [...this.#byJob].map(([job, { cgroup }]) => [cgroup, job] as const);
    // A user whose job is UNKNOWN is one that the tables do not contain.
    const known = users.filter(([, job]) => job !== UNKNOWN_JOB);
    const tables = tablesOf(profile, { authportJobs: AUTHPORT_JOBS, permits, unprivilegedStart });
    kernel.swap(tables, () => this.#fixture.jobs({ users: known, cgroups }), Date.now());
  }

  async #compareOne(
    table: RuleTable,
    start: number,
    { request, agent }: Asked,
    about: () => string,
  ): Promise<void> {
    const verdict = decide(table, { ...request, lowPortCapable: isCapable(table, request, start) });
    const { protocol, port, uid, groups, lowPortCapable } = request;
    const address = formatIp(request.address);
    const user = { uid, groups, lowPortCapable };
    const [bound] = await agent.bind(
      [{ socket: `${protocol}${request.address.family}`, address, port }],
      user,
    );
    const reported = JSON.stringify({ ...request, address, start, reason: verdict.reason });
    const expected = expectedOf(verdict, request, { start, acks: table[protocol].settings.acks?.acks });
    assert.deepEqual(bound && seen(bound, expected), expected, `${about()}\n${reported}`);
    if (bound?.error === null)
      assert.equal(port === 0 ? bound.port > 0 : bound.port === port, true, reported);
    this.#count(verdict, request, start);
  }

  #count(verdict: Verdict, request: BindRequest, start: number): void {
    const happened: string[] = [verdict.reason];
    if (verdict.allowed) {
      const { address, isShared, lowPortGranted, acks } = verdict;
      if (address)
        happened.push(`BIND ${formatIp(address).startsWith('::ffff:') ? 'mapped' : `IPv${address.family}`}`);
      if (isShared) happened.push('shared');
      if (lowPortGranted) happened.push('low port granted');
      if (acks === 'NODELAYACKS') happened.push('no delay');
    } else if (isByGuard(verdict.reason, start)) {
      this.#refused.set(verdict.reason, (this.#refused.get(verdict.reason) ?? 0n) + 1n);
      if (isLowErrno(request.port)) happened.push('EADDRINUSE');
    }
    for (const what of happened) this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1);
  }

  /** Every verdict occurred at least this often, and the guard counted the same refusals for the same reasons. */
  finish(t: TestContext, least: number): void {
    const counted = [...this.#counts]
      .sort(([, a], [, b]) => b - a)
      .map(([what, times]) => `${times} ${what}`);
    t.diagnostic(counted.join(', '));
    const { counters } = this.#fixture.kernel.state();
    for (const reason of REFUSALS) assert.equal(counters[reason], this.#refused.get(reason) ?? 0n, reason);
    const others = [
      'BIND mapped',
      'BIND IPv4',
      'BIND IPv6',
      'shared',
      'low port granted',
      'no delay',
      'EADDRINUSE',
    ];
    const few = [...Object.keys(REASONS), ...others].filter((what) => (this.#counts.get(what) ?? 0) < least);
    assert.deepEqual(few, [], 'these occurred too rarely');
  }
}

/** WHENLISTEN: the kernel has no hook at listen(2), so these rules are judged at bind(2). */
function atBind(profile: Profile): Profile {
  return { ...profile, unreserved: profile.unreserved.map((rule) => ({ ...rule, when: 'WHENBIND' })) };
}

/**
 * Whether a program may have low ports. Where Linux requires no capability all may, and RESTRICTLOWPORTS is
 * left to the guard, which sees users but not capabilities: root may.
 */
function isCapable(table: RuleTable, request: BindRequest, start: number): boolean {
  if (start > 0) return request.lowPortCapable;
  return table[request.protocol].settings.lowPorts?.isRestricted ? request.uid === 0 : true;
}

/** Linux itself refuses a low port below net.ipv4.ip_unprivileged_port_start: always with EACCES, and uncounted. */
function isByGuard(reason: Reason, start: number): boolean {
  return reason !== 'LOW_PORT_OF_LINUX' && !(reason === 'LOW_PORT_RESTRICTED' && start > 0);
}

const isLowErrno = (port: number): boolean => port >= 512 && port < 1024;

/** The acknowledgment option of TCPCONFIG, and the first port for which Linux requires no capability. */
interface Settings {
  readonly start: number;
  readonly acks: Allowed['acks'];
}

function expectedOf(verdict: Verdict, request: BindRequest, { start, acks }: Settings): Expected {
  if (!verdict.allowed) {
    const isOurs = isByGuard(verdict.reason, start);
    const error = isOurs && isLowErrno(request.port) ? ERRNO.low : ERRNO.reserved;
    // Linux refuses what the guard has allowed, with the acknowledgments of every socket.
    const delayedAckUs = !isOurs && acks === 'NODELAYACKS' ? NO_DELAY_US : DELAY_US;
    return { error, address: '', reusePort: false, delayedAckUs };
  }
  return {
    error: null,
    address: formatIp(verdict.address ?? request.address),
    reusePort: verdict.isShared,
    delayedAckUs: verdict.acks === 'NODELAYACKS' ? NO_DELAY_US : DELAY_US,
  };
}

/** The result of a bind, without the address of an unbound socket and what this kernel does not report. */
function seen({ error, address, reusePort, delayedAckUs }: AgentBound, expected: Expected): Expected {
  const isBound = error === null;
  return {
    error,
    address: isBound ? address : '',
    reusePort: isBound && reusePort,
    delayedAckUs: delayedAckUs ?? expected.delayedAckUs,
  };
}

function described(seed: number, { written: { text, part } }: RandomProfile): string {
  return [`seed ${seed}:`, text, ...(part === '' ? [] : [`--- ${PART}`, part])].join('\n');
}
