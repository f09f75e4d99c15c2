// What the profile in force says about one port, and to whom; loaded only where a profile was applied.
import { parseIp } from '../../base/address.ts';
import { PortreeveError } from '../../base/errors.ts';
import type { Protocol } from '../../base/port.ts';
import type { Users } from '../../job/app/users.ts';
import { decideQuestion, type Rules } from '../../profile/app/decide.ts';
import { type InForce, profileInForce } from '../../profile/app/in-force.ts';
import { type SafNames, safCheck } from '../../profile/app/racf.ts';
import type { ProfileArchive } from '../../profile/core/archive.ts';
import type { Profile } from '../../profile/core/rules.ts';
import type { Verdict } from '../../profile/core/verdict.ts';
import type { Somebody } from './binders.ts';

/** How a profile is read that is in force. */
export interface RuleSettings extends SafNames {
  readonly authportJobs: readonly string[];
  readonly omvsJob: string | undefined;
}

/** A profile that somebody can be judged by. */
export interface Judge {
  readonly revision: number | undefined;
  readonly profile: Profile;
  /** What it says to a server of his on all addresses. */
  readonly verdict: (somebody: Somebody, port: number, protocol: Protocol) => Verdict;
}

/** The profile in force. Throws what the archive throws. */
export function judgeInForce(archive: ProfileArchive, settings: RuleSettings, users: Users): Judge {
  const inForce = profileInForce(archive);
  const rules = rulesOf(inForce, settings, users);
  return {
    revision: inForce.head?.number,
    profile: inForce.profile,
    verdict: (somebody, port, protocol) => verdictOf(rules, somebody, port, protocol),
  };
}

function rulesOf({ profile, racf, options }: InForce, settings: RuleSettings, users: Users): Rules {
  const sysname = options?.symbols['SYSNAME'] ?? settings.sysname;
  const tcpname = options?.tcpname ?? settings.tcpname;
  const { authportJobs, omvsJob } = settings;
  return { profile, authportJobs, omvsJob, saf: safCheck(racf, users, { sysname, tcpname }) };
}

function verdictOf(rules: Rules, somebody: Somebody, port: number, protocol: Protocol): Verdict {
  const address = parseIp('0.0.0.0');
  if (!address) throw new PortreeveError('NO_ADDRESS', '0.0.0.0 is an address');
  const { uid, user, job, aliases = [], isCapable, gids } = somebody;
  const identity = { uid, name: user, gids };
  const question = { job, aliases, protocol, port, address, identity, lowPortCapable: isCapable };
  return decideQuestion({ ...question, operation: 'bind' }, rules).verdict;
}
