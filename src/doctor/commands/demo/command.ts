// `portreeve demo`: a demonstration in network namespaces of its own, of which nothing is left when it has ended.
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PortreeveError } from '../../../base/errors.ts';
import { DEMO_ACT_MAX_MS, DEMO_CONNECTIONS_MAX } from '../../../base/limits.ts';
import { parseDecimal } from '../../../base/port.ts';
import { runInOwnNetwork } from '../../../host/linux/own-network.ts';
import type { Io } from '../../../kit/io.ts';
import type { CollisionOptions } from '../index.ts';
import type { Play } from './inside.ts';

const INSIDE = fileURLToPath(new URL(`./inside${extname(import.meta.filename)}`, import.meta.url));
const CONNECTIONS = 10_000;
/** What bash(1) adds to the number of a signal. */
const SIGNALLED = 128;

/** `portreeve demo collision`: each act has a network of its own, so that nothing of the first is in the second. */
export async function collisionCommand(options: CollisionOptions, io: Io): Promise<number> {
  const connections = connectionsOf(options.connections);
  for (const act of ['mystery', 'cure'] as const) {
    const play: Play = { act, connections, columns: io.columns ?? null };
    const argv = [process.execPath, INSIDE, JSON.stringify(play)];
    const code = await runInOwnNetwork({ argv, maxMs: DEMO_ACT_MAX_MS, onOutput: io.out, onError: io.err });
    if (code === 0) continue;
    if (code < SIGNALLED) io.err('portreeve: it did not come as it should\n');
    return code;
  }
  return 0;
}

function connectionsOf(text: string | undefined): number {
  if (text === undefined) return CONNECTIONS;
  const connections = parseDecimal(text, DEMO_CONNECTIONS_MAX);
  if (connections !== undefined && connections > 0) return connections;
  const hint = `It is a number from 1 to ${DEMO_CONNECTIONS_MAX}.`;
  throw new PortreeveError('CONNECTIONS_INVALID', `"${text}" is no number of connections`, hint, {
    value: text,
  });
}
