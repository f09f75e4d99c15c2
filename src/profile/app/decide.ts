// Asks a profile whether a job may have a port, as the host's user database and its RACF commands have it.
import type { IpAddress } from '../../base/address.ts';
import type { Protocol } from '../../base/port.ts';
import type { Identity } from '../../job/app/users.ts';
import { decide } from '../core/decide.ts';
import type { Profile, RuleSource } from '../core/rules.ts';
import { RuleTable, type SafCheck } from '../core/table.ts';
import type { BindRequest, Verdict } from '../core/verdict.ts';

/** What is asked. */
export interface Question {
  /** In capitals. */
  readonly job: string;
  readonly aliases?: readonly string[];
  readonly protocol: Protocol;
  readonly port: number;
  readonly address: IpAddress;
  readonly operation: BindRequest['operation'];
  readonly identity: Identity;
  /** Whether Linux lets it bind ports below 1024; undefined: root may, others not. */
  readonly lowPortCapable: boolean | undefined;
}

/** What is judged with. */
export interface Rules {
  readonly profile: Profile;
  readonly saf: SafCheck;
  /** Patterns of the jobs that AUTHPORT lets in. */
  readonly authportJobs: readonly string[];
  /** The job name that stands for every job, in the place of OMVS. */
  readonly omvsJob: string | undefined;
}

/** The answer. */
export interface Decision {
  readonly request: BindRequest;
  readonly verdict: Verdict;
  /** What listen(2) comes to when the bind(2) that was asked about is allowed; undefined for others. */
  readonly listen: Verdict | undefined;
  /** The SAF resource that was asked about, and which RACF command answered; undefined if none was. */
  readonly saf: SafAsked | undefined;
}

/** What SAF was asked, and what it said. */
export interface SafAsked {
  readonly resname: string;
  readonly permitted: boolean;
  /** Undefined where no RACF profile covers the resource. */
  readonly rule: RuleSource | undefined;
}

export function decideQuestion(question: Question, { profile, saf, authportJobs, omvsJob }: Rules): Decision {
  const { job, aliases = [], protocol, port, address, operation, identity, lowPortCapable } = question;
  let asked: SafAsked | undefined;
  const listening: SafCheck = {
    check: (resname, uid, groups) => {
      const answer = saf.check(resname, uid, groups);
      asked = { resname, permitted: answer.permitted, rule: answer.source };
      return answer;
    },
  };
  const context = { authportJobs, saf: listening, ...(omvsJob === undefined ? {} : { omvsJob }) };
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
  return { request, verdict, listen, saf: asked };
}
