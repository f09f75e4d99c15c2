// `portreeve ports`: which ports are held, by whom, and what they are called.

import { EXIT_CODES, PortreeveError } from '../../base/errors.ts';
import type { Io } from '../../kit/io.ts';
import { portRanges } from '../../names/commands/port-arguments.ts';
import type { PortsSummary } from '../app/ports-answer.ts';
import type { PortsQuestion } from '../app/ports-asked.ts';
import type { PortsOptions } from './index.ts';
import type { PortsCommandDeps } from './ports-deps.ts';
import { checkTable, printProblems, readRecords } from './ports-read.ts';

export async function portsCommand(
  words: readonly string[],
  options: PortsOptions,
  deps: PortsCommandDeps,
): Promise<number> {
  const question = questionOf(words, options);
  if (options.watch) {
    const { watchPorts } = await import('./ports-watch.ts');
    return await watchPorts(question, options, deps);
  }
  const shown = options.json
    ? await printRecords(question, options, deps)
    : await printTable(question, options, deps);
  const isNamed = words.length > 0 || options.owner !== undefined;
  return shown === 0 && isNamed ? EXIT_CODES.refused : 0;
}

/** Throws PortreeveError (usage) `USAGE`, and what portRanges() throws. */
function questionOf(words: readonly string[], { listening, all, owner }: PortsOptions): PortsQuestion {
  if (listening && all) {
    const message = '--listening and --all exclude each other';
    throw new PortreeveError('USAGE', message, 'See: portreeve ports --help');
  }
  const which = all ? 'all' : listening ? 'listening' : 'holding';
  return { which, ports: portRanges(words), owner };
}

async function printRecords(
  question: PortsQuestion,
  options: PortsOptions,
  deps: PortsCommandDeps,
): Promise<number> {
  const { io } = deps;
  const { ports, notSeen, problems, shown } = await readRecords(question, options, deps);
  const { json } = await import('../../kit/text.ts');
  printProblems(problems, io);
  io.out(json({ notSeen, ports }));
  return shown;
}

async function printTable(
  question: PortsQuestion,
  options: PortsOptions,
  deps: PortsCommandDeps,
): Promise<number> {
  const { io } = deps;
  const { table, ...summary } = await checkTable(question, options, deps);
  printProblems(summary.problems, io);
  io.out(table === '' ? 'nothing\n' : table);
  printHidden(summary, io);
  return summary.shown;
}

/** Says that somebody else could see more. */
function printHidden({ hidden, notSeen }: PortsSummary, io: Io): void {
  if (hidden === 0 || io.uid === 0) return;
  const sockets = hidden === 1 ? 'one socket was not seen' : `${hidden} sockets were not seen`;
  const processes = notSeen === 0 ? '' : `: ${notSeen} processes did not let us look`;
  io.err(`portreeve: the holder of ${sockets}${processes}. Root sees more.\n`);
}
