// Decodes the refusals that the kernel program records, and finds the statement of the profile for each.
import { formatIp, type IpAddress } from '../../base/address.ts';
import type { NewGuardEvent } from '../../base/guard-event.ts';
import { type Job, jobNamed, UNKNOWN_JOB } from '../../base/job.ts';
import { PORT_MAX, type Protocol } from '../../base/port.ts';
import { decide } from '../../profile/core/decide.ts';
import type { Profile, RuleSource } from '../../profile/core/rules.ts';
import { type RuleContext, RuleTable } from '../../profile/core/table.ts';
import { EVENT, MODE, REFUSALS, type Refusal } from '../bpf/layout.ts';

/** <linux/in.h>, <bits/socket.h> */
const PROTOCOLS: Readonly<Record<number, Protocol>> = { 6: 'tcp', 17: 'udp' };
const AF_INET = 2;
const NANOSECONDS_PER_MS = 1e6;

/** A refusal or, in observe mode, a bind that would have been refused. */
export interface RefusalRecord {
  /** Milliseconds since boot (CLOCK_BOOTTIME). */
  readonly bootMs: number;
  readonly cgroup: bigint;
  readonly pid: number;
  readonly uid: number;
  readonly revision: number;
  readonly reason: Refusal;
  /** The bind was allowed, because the guard only observes. */
  readonly isObserved: boolean;
  readonly protocol: Protocol;
  /** The requested address. */
  readonly address: IpAddress;
  readonly port: number;
  readonly errno: number;
  readonly command: string;
}

const { fields } = EVENT;

/** Whether bytes from the ring buffer are a record of this layout. Must be checked before decodeRefusal(). */
export function isRefusal(record: DataView): boolean {
  if (record.byteLength < EVENT.bytes) return false;
  const number = (field: { readonly offset: number }) => record.getUint32(field.offset, true);
  return (
    number(fields.refusal) < REFUSALS.length &&
    number(fields.protocol) in PROTOCOLS &&
    number(fields.port) <= PORT_MAX
  );
}

/** Decodes a record for which isRefusal() returned true. */
export function decodeRefusal(record: DataView): RefusalRecord {
  const values = EVENT.read(record);
  const { cgroup, pid, uid, revision, port, errno, address, command } = values;
  return {
    bootMs: bootMsOf(record),
    cgroup,
    pid,
    uid,
    revision,
    reason: REFUSALS[values.refusal] ?? 'RESERVED_FOR_NO_ONE',
    isObserved: values.mode === MODE.observe,
    protocol: PROTOCOLS[values.protocol] ?? 'tcp',
    address:
      values.family === AF_INET ? { family: 4, bytes: address.slice(0, 4) } : { family: 6, bytes: address },
    port,
    errno,
    command: nameIn(command),
  };
}

/** A name padded with zeros. If it was cut in the middle of a character, only that one is replaced. */
function nameIn(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}

/** A key that is equal for similar records: same user, cgroup, port and reason. */
export function groupOf(record: DataView): string {
  const number = (offset: number) => record.getUint32(offset, true);
  const { cgroup, uid, revision, refusal, mode, protocol, port } = fields;
  const what = `${number(protocol.offset)} ${number(port.offset)} ${number(refusal.offset)} ${number(mode.offset)}`;
  const who = `${number(uid.offset)} ${number(cgroup.offset)} ${number(cgroup.offset + 4)}`;
  return `${who} ${what} ${number(revision.offset)}`;
}

/** When a record was written, in milliseconds since boot. */
export function bootMsOf(record: DataView): number {
  const at = fields.time.offset;
  return (record.getUint32(at + 4, true) * 2 ** 32 + record.getUint32(at, true)) / NANOSECONDS_PER_MS;
}

/** The uid in a record. */
export function uidOf(record: DataView): number {
  return record.getUint32(fields.uid.offset, true);
}

/** What an event contains in addition to its record. */
export interface EventContext {
  /** Milliseconds from time since boot to wall-clock time (since 1970-01-01 UTC). */
  readonly bootOffsetMs: number;
  /** The job of a process in a cgroup and of a user. */
  readonly jobOf: (cgroup: bigint, uid: number) => Job;
  readonly userOf: (uid: number) => string | undefined;
  readonly errnoName: (errno: number) => string;
  /** The rules of a revision of the profile; undefined where they are unknown. */
  readonly rulesOf: (revision: number) => RefusalRules | undefined;
}

export function eventOf(record: RefusalRecord, context: EventContext): NewGuardEvent {
  const { bootMs, cgroup, pid, uid, revision, reason, isObserved, protocol, address, port, errno, command } =
    record;
  const job = context.jobOf(cgroup, uid);
  return {
    kind: 'bind',
    count: 1,
    timeMs: Math.round(bootMs + context.bootOffsetMs),
    verdict: isObserved ? 'observed' : 'refused',
    reason,
    job: job.name,
    uid,
    user: context.userOf(uid),
    pid,
    command,
    protocol,
    address: formatIp(address),
    port,
    errno: context.errnoName(errno),
    revision,
    rule: context.rulesOf(revision)?.ruleOf(record, job),
  };
}

/** The fields that determine which statement refused the bind. */
type Refused = Pick<RefusalRecord, 'reason' | 'protocol' | 'address' | 'port' | 'uid'>;

/** Finds the statement of a profile that refused a bind. */
export class RefusalRules {
  readonly #table: RuleTable;
  #isPermitted = true;

  constructor(profile: Profile, context: Omit<RuleContext, 'saf'>) {
    // SAF permissions may have changed since then; the reason shows what the kernel decided.
    const saf = { check: () => ({ permitted: this.#isPermitted, source: undefined }) };
    this.#table = new RuleTable(profile, { ...context, saf });
  }

  /** The statement; undefined where the profile does not refuse this bind, because the job is not the one judged. */
  ruleOf(refused: Refused, job: Job): RuleSource | undefined {
    const { reason, protocol, address, port, uid } = refused;
    this.#isPermitted = reason !== 'SAF_NOT_PERMITTED';
    const lowPortCapable = reason !== 'LOW_PORT_RESTRICTED';
    const request = { protocol, address, port, uid, groups: [], lowPortCapable };
    // Except for SAF, the statement is the same for all refused jobs, even if the job's name has changed since.
    const jobs = reason === 'SAF_NOT_PERMITTED' ? [job] : [job, jobNamed(UNKNOWN_JOB)];
    for (const { name, aliases } of jobs) {
      // The kernel also judges rules for listen(2) at bind(2).
      for (const operation of ['bind', 'listen'] as const) {
        const verdict = decide(this.#table, { ...request, operation, job: name, aliases });
        if (verdict.reason === reason) return verdict.rule;
      }
    }
    return undefined;
  }
}
