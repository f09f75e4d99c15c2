// Compares a profile with another or with the one in force: how they differ, and which open sockets that affects.

import type { Files } from '../../host/host.ts';
import { type InForce, profileInForce } from '../../profile/app/in-force.ts';
import { loadProfile } from '../../profile/app/load.ts';
import { loadRacf } from '../../profile/app/racf.ts';
import type { Report } from '../../profile/app/report.ts';
import type { ProfileSettings } from '../../profile/app/settings.ts';
import { diffProfiles, type ProfileChange } from '../../profile/core/diff.ts';
import type { GuardChoices } from './guard.ts';
import type { Places } from './places.ts';
import {
  type Affected,
  affectedBy,
  affectedByDifference,
  affectedGuard,
  type RestartDeps,
} from './restarts.ts';

interface CompareDeps extends RestartDeps {
  readonly files: RestartDeps['files'] & Pick<Files, 'readBytes'>;
}

interface CompareRequest {
  /** The first profile, treated as if it had always been enforced; undefined: the profile in force. */
  readonly old: string | undefined;
  readonly file: string;
  readonly places: Places;
  readonly settings: ProfileSettings;
  readonly choices: GuardChoices;
  /** Ignore what z/OS would ignore. */
  readonly keepGoing: boolean;
}

/** The differences, and the affected sockets. */
interface Comparison extends Affected {
  readonly changes: readonly ProfileChange[];
}

/**
 * `onRead` receives the report on each file, and throws to reject the file. Throws what loadProfile() and affectedBy()
 * throw.
 */
export function compareProfiles(
  deps: CompareDeps,
  { old, file, places, choices, ...how }: CompareRequest,
  onRead: (report: Report, path: string) => void,
): Comparison {
  const load = (path: string, kept: InForce['racf']) => loaded(path, kept, deps.files, how, onRead);
  const before = old === undefined ? undefined : load(old, undefined);
  const inForce = before ?? profileInForce(deps.archive);
  const after = load(file, inForce.racf);
  const changes = diffProfiles(inForce.profile, after.profile);
  if (before) return { changes, ...affectedByDifference(deps, { before, after }, choices) };
  const guard = affectedGuard(deps, places, choices.pins);
  return { changes, ...affectedBy(deps, { before: inForce.head && inForce, after }, guard, choices) };
}

/** With the RACF commands in the settings, otherwise those in force. */
function loaded(
  path: string,
  kept: InForce['racf'],
  files: CompareDeps['files'],
  { settings, keepGoing }: Pick<CompareRequest, 'settings' | 'keepGoing'>,
  onRead: (report: Report, path: string) => void,
): InForce {
  const { reading, racf: given, sysname, tcpname } = settings;
  const { profile, report } = loadProfile(path, files, reading);
  onRead(report, path);
  const racf = given === undefined ? undefined : loadRacf(given, files, { sysname, tcpname });
  if (racf) onRead(racf.report, racf.text.path);
  return {
    head: undefined,
    profile,
    racf: racf?.text ?? kept,
    options: { ...reading, keepGoing, tcpname },
  };
}
