// The client of the demonstration, a process of its own: takes connections until it has the port, and ends when told.
import { connectUntil, type Hit } from './connections.ts';

/** What it is told: to get the port, then to end. */
export type ClientOrder =
  | { readonly wanted: number; readonly port: number; readonly host: string; readonly max: number }
  | 'end';

/** What it answers: how many connections it took; null if the port was not to be had. */
export interface ClientAnswer {
  readonly connections: number | null;
}

/** What it calls itself, as ps(1) shows it. */
const CLIENT_NAME = 'demo-client';

if (import.meta.main) {
  process.title = CLIENT_NAME;
  let hit: Hit | undefined;
  process.on('message', async (order: ClientOrder) => {
    if (order === 'end') {
      // It closes first, and so its side waits (RFC 9293 section 3.6.1), from when the server has closed, too.
      hit?.socket.once('close', () => process.disconnect()).end();
      return;
    }
    hit = await connectUntil(order.wanted, order.port, order.host, order.max);
    const answer: ClientAnswer = { connections: hit?.connections ?? null };
    process.send?.(answer);
  });
  process.on('disconnect', () => process.exit());
}
