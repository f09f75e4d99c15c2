// `portreeve profile diff --live`: what two profiles mean differently, and for which sockets that are open now.

import { EXIT_CODES } from '../../base/errors.ts';
import { readBytes, readText } from '../../host/linux/files.ts';
import type { Io } from '../../kit/io.ts';
import { json } from '../../kit/text.ts';
import { type InForce, profileInForce } from '../../profile/app/in-force.ts';
import { loadProfile } from '../../profile/app/load.ts';
import { loadRacf } from '../../profile/app/racf.ts';
import { changesSummary, changesText } from '../../profile/commands/changes.ts';
import { type ProfileSettings, settleProfile, stateToLookAt } from '../../profile/commands/settings.ts';
import { requireSound } from '../../profile/commands/sound.ts';
import { diffProfiles } from '../../profile/core/diff.ts';
import { SqliteProfileArchive } from '../../profile/linux/profile-archive.ts';
import { guardOf, impactsHere, impactsOfDifference } from './impact.ts';
import { impactsBelow, impactsJson, wouldBeSummary } from './impact-text.ts';
import type { LiveDiffOptions } from './index.ts';

/** Compares with `old`, as if that had been enforced since ever, or else with what is in force. */
export async function liveDiffCommand(
  old: string | undefined,
  file: string,
  options: LiveDiffOptions,
  io: Io,
): Promise<number> {
  const settings = await settleProfile(options, io);
  const state = stateToLookAt(options.state, io);
  const before = old === undefined ? undefined : loaded(old, undefined, settings, options, io);
  const inForce = before ?? profileInForce(new SqliteProfileArchive(state));
  const after = loaded(file, inForce.racf, settings, options, io);
  const { impacts, bootMs } = before
    ? await impactsOfDifference(before, after, options, io)
    : await impactsHere(
        { before: inForce.head && inForce, after },
        guardOf(options, io),
        { ...options, state },
        io,
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
  { reading, racf: given, sysname, tcpname }: ProfileSettings,
  options: LiveDiffOptions,
  io: Io,
): InForce {
  const { profile, report } = loadProfile(path, { readBytes }, reading);
  requireSound(report, path, options, io);
  const racf =
    given === undefined ? undefined : loadRacf(given, { readBytes, readText }, { sysname, tcpname });
  if (racf) requireSound(racf.report, racf.text.path, options, io);
  return {
    head: undefined,
    profile,
    racf: racf?.text ?? kept,
    options: { ...reading, keepGoing: options.keepGoing ?? false, tcpname },
  };
}
