// Lists sockets through the running daemon, which caches processes, or directly if there is no daemon.
import { existsSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { PortreeveError } from '../../base/errors.ts';
import type { TableStyle } from '../../base/table.ts';
import { STATUS_SOCKET } from '../../kit/daemon-names.ts';
import { usualDirectories } from '../../kit/directories.ts';
import { type Io, isEmphasized } from '../../kit/io.ts';
import type { PortsDeps, PortsRecords, PortsTable } from '../app/ports-answer.ts';
import { type PortsQuery, portsPath } from '../app/ports-query.ts';
import type { PortsCommandDeps, PortsReadOptions } from './ports-deps.ts';

/** Throws PortreeveError `SOCKETS_UNREADABLE` (environment). */
export function readRecords(
  query: PortsQuery,
  options: PortsReadOptions,
  deps: PortsCommandDeps,
): Promise<PortsRecords> {
  return answerTo({ query, table: undefined, options, deps }, ({ portsRecords }, ports) =>
    portsRecords(ports, query),
  );
}

/** Throws PortreeveError `SOCKETS_UNREADABLE` (environment). */
export function readTable(
  query: PortsQuery,
  options: PortsReadOptions,
  deps: PortsCommandDeps,
): Promise<PortsTable> {
  const table = { width: deps.io.columns, isBold: isEmphasized(deps.io) };
  return answerTo({ query, table, options, deps }, ({ portsTable }, ports) =>
    portsTable(ports, query, table),
  );
}

interface Request {
  readonly query: PortsQuery;
  readonly table: TableStyle | undefined;
  readonly options: PortsReadOptions;
  readonly deps: PortsCommandDeps;
}

/** `here` is called if no daemon answers; its modules are loaded only then. */
async function answerTo<T>(
  request: Request,
  here: (answer: typeof import('../app/ports-answer.ts'), ports: PortsDeps) => Promise<T>,
): Promise<T> {
  const fromDaemon = await queryDaemon<T>(request);
  if (fromDaemon) return fromDaemon;
  const [{ portsDeps }, answer] = await Promise.all([
    import('./ports-deps.ts'),
    import('../app/ports-answer.ts'),
  ]);
  return await here(answer, portsDeps(request.options, request.deps));
}

/** Undefined if no daemon of this network namespace answers. */
async function queryDaemon<T>({ query, table, options, deps: { io } }: Request): Promise<T | undefined> {
  const { runtime, state } = options;
  const usual = usualDirectories(io).map((each) => each.runtime);
  const directories = runtime === undefined ? usual : [runtime];
  const hasSocket = directories.some((directory) => existsSync(join(directory, STATUS_SOCKET)));
  if (state !== undefined || !hasSocket) return undefined;
  const { queryStatus } = await import('../../kit/query-daemon.ts');
  try {
    return await queryStatus<T>(io, runtime, portsPath(query, { ...namespacesHere(), table }));
  } catch (thrown) {
    if (thrown instanceof PortreeveError && thrown.kind === 'environment') return undefined;
    throw thrown;
  }
}

/** Sent with the query, because a daemon in other namespaces sees other sockets and processes. */
function namespacesHere() {
  return { net: readlinkSync('/proc/self/ns/net'), pid: readlinkSync('/proc/self/ns/pid') };
}

export function printProblems(problems: readonly string[], io: Io): void {
  for (const problem of problems) io.err(`portreeve: ${problem}\n`);
}
