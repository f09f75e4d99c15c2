// The command `portreeve demo collision`: runs the demonstration in temporary network namespaces.
import { extname, join } from 'node:path';
import { PortreeveError } from '../../../base/errors.ts';
import { DEMO_ACT_MAX_MS, DEMO_CONNECTIONS_MAX } from '../../../base/limits.ts';
import { parseDecimal } from '../../../base/port.ts';
import { runInOwnNetwork } from '../../../host/linux/own-network.ts';
import type { Io } from '../../../kit/io.ts';
import type { CollisionOptions } from '../index.ts';
import type { DemoTask } from './inside.ts';

const INSIDE = join(import.meta.dirname, `inside${extname(import.meta.filename)}`);
const CONNECTIONS = 10_000;
/** The exit status of a program that a signal ended is this plus the number of the signal (bash(1)). */
const SIGNALED = 128;

/** Each part has its own network namespace, so that the first does not affect the second. */
export async function collisionCommand(options: CollisionOptions, io: Io): Promise<number> {
  const connections = connectionsOf(options.connections);
  for (const part of ['collide', 'reserve'] as const) {
    const task: DemoTask = { part, connections, columns: io.columns ?? null };
    const argv = [process.execPath, INSIDE, JSON.stringify(task)];
    const code = await runInOwnNetwork({ argv, maxMs: DEMO_ACT_MAX_MS, onOutput: io.out, onError: io.err });
    if (code === 0) continue;
    if (code < SIGNALED) io.err('portreeve: the demonstration did not go as expected\n');
    return code;
  }
  return 0;
}

function connectionsOf(text: string | undefined): number {
  if (text === undefined) return CONNECTIONS;
  const connections = parseDecimal(text, DEMO_CONNECTIONS_MAX);
  if (connections !== undefined && connections > 0) return connections;
  const hint = `Use a number from 1 to ${DEMO_CONNECTIONS_MAX}.`;
  throw new PortreeveError('CONNECTIONS_INVALID', `"${text}" is not a valid number of connections`, hint, {
    value: text,
  });
}
