// `portreeve profile diff`: compares the rules of two profiles.

import { EXIT_CODES, PortreeveError } from '../../base/errors.ts';
import type { Io } from '../../kit/io.ts';
import { json } from '../../kit/text.ts';
import { loadProfile } from '../app/load.ts';
import { diffProfiles } from '../core/diff.ts';
import { changesSummary, changesText } from './changes.ts';
import { profileFiles } from './deps.ts';
import type { ProfileDiffOptions } from './index.ts';
import { requireNoErrors } from './require-no-errors.ts';
import { readProfileSettings } from './settings.ts';

export async function profileDiffCommand(
  file: string,
  other: string | undefined,
  options: ProfileDiffOptions,
  io: Io,
): Promise<number> {
  if (other === undefined) throw otherMissing();
  const { reading } = await readProfileSettings(options, io);
  const [before, after] = [file, other].map((path) => {
    const loaded = loadProfile(path, profileFiles, reading);
    requireNoErrors(loaded.report, path, options, io);
    return loaded.profile;
  });
  const changes = before && after ? diffProfiles(before, after) : [];
  if (options.json) io.out(json(changes));
  else if (changes.length > 0) io.out(`${changesText(io, changes)}\n${changesSummary(changes)}\n`);
  return changes.length === 0 ? 0 : EXIT_CODES.refused;
}

function otherMissing(): PortreeveError {
  const hint = 'Name another file, or use --live to compare it with the profile in force.';
  return new PortreeveError('USAGE', 'there is only one profile to compare', hint);
}
