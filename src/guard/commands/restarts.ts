// Who holds a port against the rules, or under rules that have changed: told after a change, and on request.

import { EXIT_CODES, messageOf, PortreeveError } from '../../base/errors.ts';
import type { Io } from '../../kit/io.ts';
import { needRoot } from '../../kit/need-root.ts';
import { json } from '../../kit/text.ts';
import { profileAfter } from '../../profile/app/in-force.ts';
import { ownState } from '../../profile/commands/settings.ts';
import { SqliteProfileArchive } from '../../profile/linux/profile-archive.ts';
import type { RuleChange } from '../app/impact.ts';
import type { GuardState } from '../app/kernel/kernel.ts';
import type { GuardOptions } from './deps.ts';
import { guardOf, impactsHere, type LiveImpacts } from './impact.ts';
import { impactsBelow, impactsJson, impactsSummary, impactsText, wouldBeSummary } from './impact-text.ts';

/** `portreeve guard --restarts` */
export async function guardRestartsCommand(options: GuardOptions, io: Io): Promise<number> {
  needRoot(io, 'look into the kernel');
  const guard = guardOf(options, io);
  const found = guard && (await restartsOf(guard, options, io));
  if (options.json) {
    const sockets = found && impactsJson(found.impacts, found.bootMs);
    io.out(json({ mode: guard?.mode ?? 'off', revision: guard?.revision ?? null, ...sockets }));
  } else if (found) {
    const { impacts } = found;
    const nobody = 'no socket is held against the rules, or under rules that have changed';
    io.out(`${impactsText(io, impacts)}${impactsSummary(impacts) ?? nobody}\n${othersText(guard)}`);
  } else io.out('the guard is off: the kernel does not know the profile\n');
  return found && found.impacts.concerned.length === 0 ? 0 : EXIT_CODES.refused;
}

/** Of a guard that holds elsewhere, too. */
function othersText({ namespaces }: GuardState): string {
  const others = namespaces.length - 1;
  if (others === 0) return '';
  return `${others} other network ${others === 1 ? 'namespace was' : 'namespaces were'} not looked at\n`;
}

/** How many there are; undefined where that cannot be told. */
export async function countRestarts(
  guard: GuardState,
  options: GuardOptions,
  io: Io,
): Promise<{ readonly refused: number; readonly restart: number } | undefined> {
  // Whose rules a guard at another place goes by is not known.
  if (options.pins !== undefined && options.state === undefined) return undefined;
  try {
    const { refused, restart } = (await restartsOf(guard, options, io)).impacts;
    return { refused, restart };
  } catch (thrown) {
    if (thrown instanceof PortreeveError) return undefined;
    throw thrown;
  }
}

/** What is in force is what the kernel has, whatever was recorded since. */
function restartsOf(guard: GuardState, options: GuardOptions, io: Io): Promise<LiveImpacts> {
  const after = profileAfter(new SqliteProfileArchive(ownState(options.state, io)), guard.revision);
  return impactsHere({ before: undefined, after }, guard, options, io);
}

/** After the rules have changed: who holds a port against them, or has to be restarted. Nothing is closed. */
export async function tellRestarts(
  change: Pick<RuleChange, 'before' | 'after'> | undefined,
  guard: GuardState,
  options: GuardOptions,
  io: Io,
): Promise<void> {
  await telling(io, async () => {
    const { impacts } = await (change
      ? impactsHere(change, guard, options, io)
      : restartsOf(guard, options, io));
    const summary = impactsSummary(impacts);
    if (summary) io.out(`${impactsBelow(io, impacts)}open already, and left alone: ${summary}\n`);
  });
}

/** Before the rules change: who would be refused, or would have to be restarted. */
export async function tellWouldBe(
  change: Pick<RuleChange, 'before' | 'after'>,
  options: GuardOptions,
  io: Io,
): Promise<void> {
  await telling(io, async () => {
    const { impacts } = await impactsHere(change, guardOf(options, io), options, io);
    io.out(`${impactsBelow(io, impacts)}${wouldBeSummary(impacts)}\n`);
  });
}

/** What was done stays done, and what is shown stays shown, also where the sockets cannot be seen. */
async function telling(io: Io, tell: () => Promise<void>): Promise<void> {
  try {
    await tell();
  } catch (thrown) {
    if (!(thrown instanceof PortreeveError) || thrown.kind === 'bug') throw thrown;
    io.err(`portreeve: warning: which open sockets that concerns cannot be told: ${messageOf(thrown)}\n`);
  }
}
