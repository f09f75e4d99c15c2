// Who holds which port: as the running daemon sees it, which remembers what it saw, else as we see it ourselves.
import { existsSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { PortreeveError } from '../../base/errors.ts';
import type { TableLook } from '../../base/table.ts';
import { directoriesOf, SYSTEM_DIRECTORIES } from '../../kit/directories.ts';
import { type Io, isEmphasized } from '../../kit/io.ts';
import { LOOK_SOCKET } from '../../kit/status-report.ts';
import type { PortsRecords, PortsTable } from '../app/ports-answer.ts';
import { type PortsQuestion, portsPath } from '../app/ports-asked.ts';
import type { PortsCommandDeps, PortsLookOptions } from './ports-deps.ts';

/** As records. Throws PortreeveError `SOCKETS_UNREADABLE` (world). */
export async function lookAtRecords(
  question: PortsQuestion,
  options: PortsLookOptions,
  deps: PortsCommandDeps,
): Promise<PortsRecords> {
  const told = await daemonTells<PortsRecords>(question, undefined, options, deps.io);
  if (told) return told;
  const [{ portsDeps }, { portsRecords }] = await Promise.all([
    import('./ports-deps.ts'),
    import('../app/ports-answer.ts'),
  ]);
  return await portsRecords(portsDeps(options, deps), question);
}

/** As a table. Throws PortreeveError `SOCKETS_UNREADABLE` (world). */
export async function lookAtTable(
  question: PortsQuestion,
  options: PortsLookOptions,
  deps: PortsCommandDeps,
): Promise<PortsTable> {
  const shape = { width: deps.io.columns, isBold: isEmphasized(deps.io) };
  const told = await daemonTells<PortsTable>(question, shape, options, deps.io);
  if (told) return told;
  const [{ portsDeps }, { portsTable }] = await Promise.all([
    import('./ports-deps.ts'),
    import('../app/ports-answer.ts'),
  ]);
  return await portsTable(portsDeps(options, deps), question, shape);
}

/** Undefined where no daemon of this network answers. */
async function daemonTells<T>(
  question: PortsQuestion,
  table: TableLook | undefined,
  { runtime, state }: PortsLookOptions,
  io: Io,
): Promise<T | undefined> {
  const usual = [directoriesOf(io.uid, io.env).runtime, SYSTEM_DIRECTORIES.runtime];
  const directories = runtime === undefined ? usual : [runtime];
  const isThere = directories.some((directory) => existsSync(join(directory, LOOK_SOCKET)));
  if (state !== undefined || !isThere) return undefined;
  const { askLook } = await import('../../kit/daemon-status.ts');
  try {
    return await askLook<T>(io, runtime, portsPath(question, { ...namespacesHere(), table }));
  } catch (thrown) {
    if (thrown instanceof PortreeveError && thrown.kind === 'world') return undefined;
    throw thrown;
  }
}

/** The daemon may run in another network or container than whoever asks it: then it knows nothing of what is asked. */
function namespacesHere() {
  return { net: readlinkSync('/proc/self/ns/net'), pid: readlinkSync('/proc/self/ns/pid') };
}

/** What could not be read of the names. */
export function tellProblems(problems: readonly string[], io: Io): void {
  for (const problem of problems) io.err(`portreeve: ${problem}\n`);
}
