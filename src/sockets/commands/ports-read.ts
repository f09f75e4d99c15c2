// Who holds which port: as the running daemon sees it, which remembers what it saw, else as we see it ourselves.
import { existsSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { PortreeveError } from '../../base/errors.ts';
import type { TableStyle } from '../../base/table.ts';
import { STATUS_SOCKET } from '../../kit/daemon-names.ts';
import { usualDirectories } from '../../kit/directories.ts';
import { type Io, isEmphasized } from '../../kit/io.ts';
import type { PortsDeps, PortsRecords, PortsTable } from '../app/ports-answer.ts';
import { type PortsQuestion, portsPath } from '../app/ports-asked.ts';
import type { PortsCommandDeps, PortsReadOptions } from './ports-deps.ts';

/** As records. Throws PortreeveError `SOCKETS_UNREADABLE` (environment). */
export function readRecords(
  question: PortsQuestion,
  options: PortsReadOptions,
  deps: PortsCommandDeps,
): Promise<PortsRecords> {
  return answerTo({ question, table: undefined, options, deps }, ({ portsRecords }, ports) =>
    portsRecords(ports, question),
  );
}

/** As a table. Throws PortreeveError `SOCKETS_UNREADABLE` (environment). */
export function checkTable(
  question: PortsQuestion,
  options: PortsReadOptions,
  deps: PortsCommandDeps,
): Promise<PortsTable> {
  const table = { width: deps.io.columns, isBold: isEmphasized(deps.io) };
  return answerTo({ question, table, options, deps }, ({ portsTable }, ports) =>
    portsTable(ports, question, table),
  );
}

/** What is asked, of whom, and as what it is wanted. */
interface Asked {
  readonly question: PortsQuestion;
  readonly table: TableStyle | undefined;
  readonly options: PortsReadOptions;
  readonly deps: PortsCommandDeps;
}

/** `here` answers where no daemon does; what it takes is loaded only then. */
async function answerTo<T>(
  asked: Asked,
  here: (answer: typeof import('../app/ports-answer.ts'), ports: PortsDeps) => Promise<T>,
): Promise<T> {
  const reported = await askDaemon<T>(asked);
  if (reported) return reported;
  const [{ portsDeps }, answer] = await Promise.all([
    import('./ports-deps.ts'),
    import('../app/ports-answer.ts'),
  ]);
  return await here(answer, portsDeps(asked.options, asked.deps));
}

/** Undefined where no daemon of this network answers. */
async function askDaemon<T>({ question, table, options, deps: { io } }: Asked): Promise<T | undefined> {
  const { runtime, state } = options;
  const usual = usualDirectories(io).map((each) => each.runtime);
  const directories = runtime === undefined ? usual : [runtime];
  const isThere = directories.some((directory) => existsSync(join(directory, STATUS_SOCKET)));
  if (state !== undefined || !isThere) return undefined;
  const { askStatus } = await import('../../kit/ask-daemon.ts');
  try {
    return await askStatus<T>(io, runtime, portsPath(question, { ...namespacesHere(), table }));
  } catch (thrown) {
    if (thrown instanceof PortreeveError && thrown.kind === 'environment') return undefined;
    throw thrown;
  }
}

/** The daemon may run in another network or container than whoever asks it: then it knows nothing of what is asked. */
function namespacesHere() {
  return { net: readlinkSync('/proc/self/ns/net'), pid: readlinkSync('/proc/self/ns/pid') };
}

/** What could not be read of the names. */
export function printProblems(problems: readonly string[], io: Io): void {
  for (const problem of problems) io.err(`portreeve: ${problem}\n`);
}
