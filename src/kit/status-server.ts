// status.sock: HTTP on a Unix socket that everybody may ask and nobody can change anything through.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { messageOf } from '../base/errors.ts';
import { type PeerDeps, reply, UnixHttpServer } from './unix-http.ts';

/** What can be looked at: a path and what is answered, as JSON. */
export type StatusRoutes = Readonly<Record<string, () => Promise<object> | object>>;

/** What is answered bit by bit: a path and who answers it. */
export type Streams = Readonly<
  Record<string, (request: IncomingMessage, response: ServerResponse) => Promise<void> | void>
>;

/** Everybody may ask, or root alone. */
export const STATUS_MODE = { all: 0o666, root: 0o600 } as const;

/** Serves the looks until it is closed. */
export class StatusServer extends UnixHttpServer {
  constructor(
    path: string,
    looks: StatusRoutes,
    streams: Streams,
    peers: PeerDeps,
    mode: number = STATUS_MODE.all,
  ) {
    super(path, mode, (request, response) => answer({ looks, streams }, request, response), peers);
  }
}

async function answer(
  { looks, streams }: { readonly looks: StatusRoutes; readonly streams: Streams },
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = request.url?.split('?')[0] ?? '';
  const look = Object.hasOwn(looks, path) ? looks[path] : undefined;
  const stream = Object.hasOwn(streams, path) ? streams[path] : undefined;
  try {
    if (request.method !== 'GET')
      reply(response, 405, { error: `${request.method} is not answered here; GET is` });
    else if (stream) await stream(request, response);
    else if (look === undefined)
      reply(response, 404, {
        error: `there is no ${path}`,
        paths: [...Object.keys(looks), ...Object.keys(streams)],
      });
    else reply(response, 200, await look());
  } catch (thrown) {
    reply(response, 500, { error: messageOf(thrown) });
  }
}
