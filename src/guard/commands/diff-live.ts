// `portreeve profile diff --live`: how two profiles differ, and which open sockets that affects.

import { EXIT_CODES } from '../../base/errors.ts';
import type { Io } from '../../kit/io.ts';
import { json } from '../../kit/text.ts';
import { changesSummary, changesText } from '../../profile/commands/changes.ts';
import { stateToRead } from '../../profile/commands/deps.ts';
import { requireNoErrors } from '../../profile/commands/require-no-errors.ts';
import { compareProfiles } from '../app/compare-profiles.ts';
import { guardChoices, guardDeps } from './deps.ts';
import { impactsBelow, impactsJson, wouldBeSummary } from './impact-text.ts';
import type { LiveDiffOptions } from './index.ts';

/** Compares `file` with `old`, or with the profile in force. */
export async function liveDiffCommand(
  old: string | undefined,
  file: string,
  options: LiveDiffOptions,
  io: Io,
): Promise<number> {
  const request = { old, file, ...(await guardChoices(options, io)), keepGoing: options.keepGoing ?? false };
  const deps = guardDeps({ ...options, state: stateToRead(options.state, io) }, io);
  const { changes, impacts, bootMs } = compareProfiles(deps, request, (report, path) => {
    requireNoErrors(report, path, options, io);
  });
  if (options.json) io.out(json({ changes, ...impactsJson(impacts, bootMs) }));
  else {
    if (changes.length > 0) io.out(`${changesText(io, changes)}\n`);
    io.out(`${changesSummary(changes)}\n${impactsBelow(io, impacts)}${wouldBeSummary(impacts)}\n`);
  }
  return changes.length === 0 ? 0 : EXIT_CODES.refused;
}
