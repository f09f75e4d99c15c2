// `portreeve ports`: lists the ports in use and the processes that hold them.

import { EXIT_CODES, PortreeveError } from '../../base/errors.ts';
import type { Io } from '../../kit/io.ts';
import { portRanges } from '../../names/commands/port-arguments.ts';
import type { PortsSummary } from '../app/ports-answer.ts';
import type { PortsQuery } from '../app/ports-query.ts';
import type { PortsOptions } from './index.ts';
import type { PortsCommandDeps } from './ports-deps.ts';
import { printProblems, readRecords, readTable } from './ports-read.ts';

export async function portsCommand(
  words: readonly string[],
  options: PortsOptions,
  deps: PortsCommandDeps,
): Promise<number> {
  const query = queryOf(words, options);
  if (options.watch) {
    const { watchPorts } = await import('./ports-watch.ts');
    return await watchPorts(query, options, deps);
  }
  const shown = options.json
    ? await printRecords(query, options, deps)
    : await printTable(query, options, deps);
  const isNamed = words.length > 0 || options.owner !== undefined;
  return shown === 0 && isNamed ? EXIT_CODES.refused : 0;
}

/** Throws PortreeveError (usage) `USAGE`, and what portRanges() throws. */
function queryOf(words: readonly string[], { listening, all, owner }: PortsOptions): PortsQuery {
  if (listening && all) {
    const message = '--listening and --all cannot be combined';
    throw new PortreeveError('USAGE', message, 'See: portreeve ports --help');
  }
  const which = all ? 'all' : listening ? 'listening' : 'holding';
  return { which, ports: portRanges(words), owner };
}

async function printRecords(
  query: PortsQuery,
  options: PortsOptions,
  deps: PortsCommandDeps,
): Promise<number> {
  const { io } = deps;
  const { ports, hiddenProcesses, problems, shown } = await readRecords(query, options, deps);
  const { json } = await import('../../kit/text.ts');
  printProblems(problems, io);
  io.out(json({ hiddenProcesses, ports }));
  return shown;
}

async function printTable(query: PortsQuery, options: PortsOptions, deps: PortsCommandDeps): Promise<number> {
  const { io } = deps;
  const { table, ...summary } = await readTable(query, options, deps);
  printProblems(summary.problems, io);
  io.out(table === '' ? 'no matching sockets\n' : table);
  printHidden(summary, io);
  return summary.shown;
}

function printHidden({ hiddenOwners, hiddenProcesses }: PortsSummary, io: Io): void {
  if (hiddenOwners === 0 || io.uid === 0) return;
  const sockets = hiddenOwners === 1 ? '1 socket' : `${hiddenOwners} sockets`;
  const processes = hiddenProcesses === 0 ? '' : ` (${hiddenProcesses} processes could not be read)`;
  io.err(`portreeve: owner unknown for ${sockets}${processes}; run as root to see all owners\n`);
}
