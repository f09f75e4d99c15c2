// The users of rules: asked for before these come into force, and the names told that nobody on this host has.

import { printable } from '../../base/printable.ts';
import type { CommandUsers } from '../../job/commands/host-users.ts';
import type { Io } from '../../kit/io.ts';
import type { InForce } from '../../profile/app/in-force.ts';
import { type ProfileOptions, settleProfile } from '../../profile/commands/settings.ts';
import { namesIn, unknownIn } from '../app/unknown-names.ts';

/** So many names are told with their places. */
const NAMES_TOLD = 10;

/** Asks the host's user database for the names that no file has, and tells which ones nobody has. */
export async function tellUnknown(
  rules: InForce,
  { users, ...options }: ProfileOptions & { readonly users?: CommandUsers | undefined },
  io: Io,
): Promise<void> {
  if (!users) return;
  const settings = await settleProfile(options, io);
  const { jobs, ids } = namesIn(rules, settings);
  await users.ask({ names: jobs.map(({ name }) => name), ids }, io);
  const isJob = (name: string) => users.isUnit(name) || settings.ownJobs.includes(name);
  const unknown = unknownIn(jobs, users.files, isJob);
  if (unknown.length === 0) return;
  const told = unknown.slice(0, NAMES_TOLD).map(({ name, source }) => {
    const place = source ? ` (${printable(source.file)}:${source.line})` : '';
    return `${printable(name)}${place}`;
  });
  const more = unknown.length - told.length;
  io.err(`note: no unit or user is called ${told.join(', ')}${more > 0 ? `, and ${more} more` : ''}\n`);
}
