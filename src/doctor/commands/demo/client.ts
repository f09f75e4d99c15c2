// The client process of the demonstration: opens connections until it is assigned the wanted port, and ends on request.
import { connectUntil, type Hit } from './connections.ts';

/** Messages to the client: connect until assigned the port, then end. */
export type ClientOrder =
  | { readonly wanted: number; readonly port: number; readonly host: string; readonly max: number }
  | 'end';

/** The reply: the number of connections opened; null if none was assigned the port. */
export interface ClientAnswer {
  readonly connections: number | null;
}

/** The process title, as ps(1) shows it. */
const CLIENT_NAME = 'demo-client';

if (import.meta.main) {
  process.title = CLIENT_NAME;
  let hit: Hit | undefined;
  process.on('message', async (order: ClientOrder) => {
    if (order === 'end') {
      // The client closes first, so that its side enters TIME_WAIT when the server has also closed (RFC 9293 3.6.1).
      hit?.socket.once('close', () => process.disconnect()).end();
      return;
    }
    hit = await connectUntil(order.wanted, order.port, order.host, order.max);
    const answer: ClientAnswer = { connections: hit?.connections ?? null };
    process.send?.(answer);
  });
  process.on('disconnect', () => process.exit());
}
