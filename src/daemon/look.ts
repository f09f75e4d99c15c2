// look.sock: HTTP on a Unix socket that everybody may ask and nobody can change anything through.
import { chmodSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { messageOf } from '../base/errors.ts';
import { CONTROL_REQUEST_MAX_BYTES } from '../base/limits.ts';
import { removeLeftover } from './runtime-directory.ts';

/** What can be looked at: a path and what is answered, as JSON. */
export type Looks = Readonly<Record<string, () => Promise<object>>>;

/** What is answered bit by bit: a path and who answers it. */
export type Streams = Readonly<Record<string, (request: IncomingMessage, response: ServerResponse) => void>>;

/** Everybody may ask. */
const MODE = 0o666;
/** Whoever does not say in so long what he wants is hung up on. */
const REQUEST_TIMEOUT_MS = 2000;
const CHECK_INTERVAL_MS = 500;

/** Serves the looks until it is closed. */
export class LookServer {
  readonly #server: Server;
  readonly #path: string;

  constructor(path: string, looks: Looks, streams: Streams = {}) {
    this.#path = path;
    this.#server = createServer(
      {
        maxHeaderSize: CONTROL_REQUEST_MAX_BYTES,
        headersTimeout: REQUEST_TIMEOUT_MS,
        requestTimeout: REQUEST_TIMEOUT_MS,
        connectionsCheckingInterval: CHECK_INTERVAL_MS,
        keepAliveTimeout: 1,
      },
      (request, response) => void answer({ looks, streams }, request, response),
    );
    this.#server.maxConnections = 64;
  }

  open(): Promise<void> {
    removeLeftover(this.#path);
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.#path, () => {
        chmodSync(this.#path, MODE);
        resolve();
      });
    });
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }
}

async function answer(
  { looks, streams }: { readonly looks: Looks; readonly streams: Streams },
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = request.url?.split('?')[0] ?? '';
  const look = looks[path];
  const stream = streams[path];
  try {
    if (request.method !== 'GET')
      reply(response, 405, { error: `${request.method} is not answered here; GET is` });
    else if (stream) stream(request, response);
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

function reply(response: ServerResponse, status: number, body: object): void {
  const text = `${JSON.stringify(body)}\n`;
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}
