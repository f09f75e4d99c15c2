// HTTP and JSON on a Unix socket: what those for looking and those for commands have in common.
import { chmodSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { CONTROL_REQUEST_MAX_BYTES } from '../base/limits.ts';
import { removeLeftover } from './runtime-directory.ts';

/** Whoever does not say in so long what he wants is hung up on. */
const REQUEST_TIMEOUT_MS = 2000;
const CHECK_INTERVAL_MS = 500;
const CONNECTIONS_MAX = 64;

/** Answers until it is closed. */
export class UnixHttpServer {
  readonly #server: Server;
  readonly #path: string;
  readonly #mode: number;

  /** `mode`: the mode of the socket's file, which says who may ask at all. `answer` must not reject. */
  constructor(
    path: string,
    mode: number,
    answer: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
  ) {
    this.#path = path;
    this.#mode = mode;
    this.#server = createServer(
      {
        maxHeaderSize: CONTROL_REQUEST_MAX_BYTES,
        headersTimeout: REQUEST_TIMEOUT_MS,
        requestTimeout: REQUEST_TIMEOUT_MS,
        connectionsCheckingInterval: CHECK_INTERVAL_MS,
        keepAliveTimeout: 1,
      },
      (request, response) => void answer(request, response),
    );
    this.#server.maxConnections = CONNECTIONS_MAX;
  }

  open(): Promise<void> {
    removeLeftover(this.#path);
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.#path, () => {
        chmodSync(this.#path, this.#mode);
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

/** Answers with an object as a line of JSON. */
export function reply(response: ServerResponse, status: number, body: object): void {
  const text = `${JSON.stringify(body)}\n`;
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}
