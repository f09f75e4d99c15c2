// The verdict of the profile in force on a bind to one port; loaded only where a profile was applied.
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
import type { BinderIdentity } from './binders.ts';

/** The settings that a verdict depends on. */
export interface RuleSettings extends SafNames {
  readonly authportJobs: readonly string[];
  readonly omvsJob: string | undefined;
}

export interface Judge {
  readonly revision: number | undefined;
  readonly profile: Profile;
  /** The verdict on a bind to all addresses. */
  readonly verdict: (binder: BinderIdentity, port: number, protocol: Protocol) => Verdict;
}

/** Throws what the archive throws. */
export function judgeInForce(archive: ProfileArchive, settings: RuleSettings, users: Users): Judge {
  const inForce = profileInForce(archive);
  const rules = rulesOf(inForce, settings, users);
  return {
    revision: inForce.head?.number,
    profile: inForce.profile,
    verdict: (binder, port, protocol) => verdictOf(rules, binder, port, protocol),
  };
}

function rulesOf({ profile, racf, options }: InForce, settings: RuleSettings, users: Users): Rules {
  const sysname = options?.symbols['SYSNAME'] ?? settings.sysname;
  const tcpname = options?.tcpname ?? settings.tcpname;
  const { authportJobs, omvsJob } = settings;
  return { profile, authportJobs, omvsJob, saf: safCheck(racf, users, { sysname, tcpname }) };
}

function verdictOf(rules: Rules, binder: BinderIdentity, port: number, protocol: Protocol): Verdict {
  const address = parseIp('0.0.0.0');
  if (!address) throw new PortreeveError('NO_ADDRESS', '0.0.0.0 is an address');
  const { uid, user, job, aliases = [], hasBindCapability, gids } = binder;
  const identity = { uid, name: user, gids };
  const question = { job, aliases, protocol, port, address, identity, lowPortCapable: hasBindCapability };
  return decideQuestion({ ...question, operation: 'bind' }, rules).verdict;
}
