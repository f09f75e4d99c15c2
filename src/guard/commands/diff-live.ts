// `portreeve profile diff --live`: what two profiles mean differently, and for which sockets that are open now.

import { EXIT_CODES } from '../../base/errors.ts';
import type { Io } from '../../kit/io.ts';
import { json } from '../../kit/text.ts';
import { type InForce, profileInForce } from '../../profile/app/in-force.ts';
import { loadProfile } from '../../profile/app/load.ts';
import { loadRacf } from '../../profile/app/racf.ts';
import type { ProfileSettings } from '../../profile/app/settings.ts';
import { changesSummary, changesText } from '../../profile/commands/changes.ts';
import { stateToLookAt } from '../../profile/commands/deps.ts';
import { requireSound } from '../../profile/commands/sound.ts';
import { diffProfiles } from '../../profile/core/diff.ts';
import { concernedBy, concernedByDifference, guardConcerned } from '../app/restarts.ts';
import { type GuardHost, guardChoices, guardHost } from './deps.ts';
import { impactsBelow, impactsJson, wouldBeSummary } from './impact-text.ts';
import type { LiveDiffOptions } from './index.ts';

/** Compares with `old`, as if that had been enforced since ever, or else with what is in force. */
export async function liveDiffCommand(
  old: string | undefined,
  file: string,
  options: LiveDiffOptions,
  io: Io,
): Promise<number> {
  const { settings, choices, places } = await guardChoices(options, io);
  const host = guardHost({ ...options, state: stateToLookAt(options.state, io) }, io);
  const before = old === undefined ? undefined : loaded(old, undefined, host.files, settings, options, io);
  const inForce = before ?? profileInForce(host.archive);
  const after = loaded(file, inForce.racf, host.files, settings, options, io);
  const { impacts, bootMs } = before
    ? concernedByDifference(host, { before, after }, choices)
    : concernedBy(
        host,
        { before: inForce.head && inForce, after },
        guardConcerned(host, places, choices.pins),
        choices,
      );
  const changes = diffProfiles(inForce.profile, after.profile);
  if (options.json) io.out(json({ changes, ...impactsJson(impacts, bootMs) }));
  else {
    if (changes.length > 0) io.out(`${changesText(io, changes)}\n`);
    io.out(`${changesSummary(changes)}\n${impactsBelow(io, impacts)}${wouldBeSummary(impacts)}\n`);
  }
  return changes.length === 0 ? 0 : EXIT_CODES.refused;
}

/** A profile that is without errors, with the RACF commands that were given, else those that were in force. */
function loaded(
  path: string,
  kept: InForce['racf'],
  files: GuardHost['files'],
  { reading, racf: given, sysname, tcpname }: ProfileSettings,
  options: LiveDiffOptions,
  io: Io,
): InForce {
  const { profile, report } = loadProfile(path, files, reading);
  requireSound(report, path, options, io);
  const racf = given === undefined ? undefined : loadRacf(given, files, { sysname, tcpname });
  if (racf) requireSound(racf.report, racf.text.path, options, io);
  return {
    head: undefined,
    profile,
    racf: racf?.text ?? kept,
    options: { ...reading, keepGoing: options.keepGoing ?? false, tcpname },
  };
}
