// status.sock: a read-only HTTP server on a Unix socket, open to every user.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { messageOf } from '../base/errors.ts';
import { type PeerDeps, reply, UnixHttpServer } from './unix-http.ts';

/** Handlers by path; the result is the JSON response. */
export type StatusRoutes = Readonly<Record<string, () => Promise<object> | object>>;

/** Handlers by path that write the response themselves, such as a stream of lines. */
export type Streams = Readonly<
  Record<string, (request: IncomingMessage, response: ServerResponse) => Promise<void> | void>
>;

/** The mode of the socket file: open to every user, or to root only. */
export const STATUS_MODE = { all: 0o666, root: 0o600 } as const;

export class StatusServer extends UnixHttpServer {
  constructor(
    path: string,
    queries: StatusRoutes,
    streams: Streams,
    peers: PeerDeps,
    mode: number = STATUS_MODE.all,
  ) {
    super(path, mode, (request, response) => answer({ queries, streams }, request, response), peers);
  }
}

async function answer(
  { queries, streams }: { readonly queries: StatusRoutes; readonly streams: Streams },
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = request.url?.split('?')[0] ?? '';
  const query = Object.hasOwn(queries, path) ? queries[path] : undefined;
  const stream = Object.hasOwn(streams, path) ? streams[path] : undefined;
  try {
    if (request.method !== 'GET')
      reply(response, 405, { error: `${request.method} is not supported; use GET` });
    else if (stream) await stream(request, response);
    else if (query === undefined)
      reply(response, 404, {
        error: `unknown path ${path}`,
        paths: [...Object.keys(queries), ...Object.keys(streams)],
      });
    else reply(response, 200, await query());
  } catch (thrown) {
    reply(response, 500, { error: messageOf(thrown) });
  }
}
