// `portreeve guard --restarts`: who holds a port against the rules, or under rules that have changed.

import { EXIT_CODES } from '../../base/errors.ts';
import { type Io, needRoot } from '../../kit/io.ts';
import { json } from '../../kit/text.ts';
import { inspectRestarts } from '../app/inspect.ts';
import type { GuardState } from '../app/kernel/kernel.ts';
import { type GuardOptions, guardChoices, guardHost } from './deps.ts';
import { impactsJson, impactsSummary, impactsText } from './impact-text.ts';

/** `portreeve guard --restarts` */
export async function guardRestartsCommand(options: GuardOptions, io: Io): Promise<number> {
  needRoot(io, 'look into the kernel');
  const { places, choices } = await guardChoices(options, io);
  const found = inspectRestarts(guardHost(options, io), places, choices);
  if (options.json) {
    const sockets = found && impactsJson(found.impacts, found.bootMs);
    const { mode = 'off', revision = null } = found?.guard ?? {};
    io.out(json({ mode, revision, ...sockets }));
  } else if (found) {
    const { impacts, guard } = found;
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
