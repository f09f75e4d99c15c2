// Decides by a profile whether a job may bind a port, and records the SAF check that was made.
import type { IpAddress } from '../../base/address.ts';
import type { Protocol } from '../../base/port.ts';
import type { Identity } from '../../job/app/users.ts';
import { decide } from '../core/decide.ts';
import type { Profile, RuleSource } from '../core/rules.ts';
import { RuleTable, type SafCheck } from '../core/table.ts';
import type { BindRequest, Verdict } from '../core/verdict.ts';

/** One port that a job wants to bind. */
export interface Question {
  /** In upper case. */
  readonly job: string;
  readonly aliases?: readonly string[];
  readonly protocol: Protocol;
  readonly port: number;
  readonly address: IpAddress;
  readonly operation: BindRequest['operation'];
  readonly identity: Identity;
  /** Whether Linux permits ports below 1024; undefined: for root only. */
  readonly lowPortCapable: boolean | undefined;
}

export interface Rules {
  readonly profile: Profile;
  readonly saf: SafCheck;
  /** Patterns of the jobs that AUTHPORT permits. */
  readonly authportJobs: readonly string[];
  /** The job name that stands for every job, instead of OMVS. */
  readonly omvsJob: string | undefined;
}

export interface Decision {
  readonly request: BindRequest;
  readonly verdict: Verdict;
  /** The verdict for the following listen(2), if a TCP bind(2) is allowed. */
  readonly listen: Verdict | undefined;
  /** The SAF check that was made, if any. */
  readonly saf: SafCheckResult | undefined;
}

/** The result of a SAF check. */
export interface SafCheckResult {
  readonly resname: string;
  readonly permitted: boolean;
  /** The RACF command that decided; undefined if no RACF profile covers the resource. */
  readonly rule: RuleSource | undefined;
}

export function decideQuestion(question: Question, { profile, saf, authportJobs, omvsJob }: Rules): Decision {
  const { job, aliases = [], protocol, port, address, operation, identity, lowPortCapable } = question;
  let lastCheck: SafCheckResult | undefined;
  const recording: SafCheck = {
    check: (resname, uid, groups) => {
      const answer = saf.check(resname, uid, groups);
      lastCheck = { resname, permitted: answer.permitted, rule: answer.source };
      return answer;
    },
  };
  const context = { authportJobs, saf: recording, ...(omvsJob === undefined ? {} : { omvsJob }) };
  const table = new RuleTable(profile, context);
  const request: BindRequest = {
    operation,
    protocol,
    address,
    port,
    job,
    aliases,
    uid: identity.uid,
    groups: identity.gids,
    lowPortCapable: lowPortCapable ?? identity.uid === 0,
  };
  const verdict = decide(table, request);
  const isBound = verdict.allowed && operation === 'bind' && protocol === 'tcp';
  const listen = isBound ? decide(table, { ...request, operation: 'listen' }) : undefined;
  return { request, verdict, listen, saf: lastCheck };
}
