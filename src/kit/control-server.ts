// The HTTP server for requests that change something: POST and JSON, authorized by the peer credentials of the client.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ErrorKind } from '../base/error-catalog.ts';
import { errorJson, messageOf, PortreeveError } from '../base/errors.ts';
import { CONTROL_REQUEST_MAX_BYTES } from '../base/limits.ts';
import { type PeerCredentials, peerCredentials } from '../host/linux/peer-credentials.ts';
import { type PeerDeps, reply, UnixHttpServer } from './unix-http.ts';

/** Handlers by path. A handler receives the parsed request and the caller; its result is the JSON response. */
export type Commands = Readonly<Record<string, (request: unknown, caller: PeerCredentials) => object>>;

/** The HTTP status of each kind of error. */
const STATUS: Readonly<Record<ErrorKind, number>> = { usage: 400, refused: 403, environment: 503, bug: 500 };

/** Serves commands until closed. */
export class ControlServer extends UnixHttpServer {
  /** `mode` of the socket file decides who may connect. */
  constructor(path: string, mode: number, commands: Commands, peers: PeerDeps) {
    super(path, mode, (request, response) => answer(commands, request, response), peers);
  }
}

async function answer(commands: Commands, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const command = commandOf(commands, request);
    // Before the first await: the credentials of a client that has disconnected cannot be read.
    const caller = peerCredentials(request.socket);
    if (!caller)
      throw new PortreeveError('CALLER_UNKNOWN', "the kernel did not report the caller's credentials");
    reply(response, 200, command(parseJson(await readText(request)), caller));
  } catch (thrown) {
    const error = thrown instanceof PortreeveError ? thrown : new PortreeveError('BUG', messageOf(thrown));
    reply(response, STATUS[error.kind], errorJson(error));
  }
}

function commandOf(commands: Commands, { method, url = '' }: IncomingMessage): Commands[string] {
  const path = url.split('?')[0] ?? '';
  const command = Object.hasOwn(commands, path) ? commands[path] : undefined;
  const known = Object.keys(commands).join(', ');
  if (!command) {
    throw new PortreeveError('PATH_UNKNOWN', `unknown path ${path}`, `Known paths: ${known}`, { path });
  }
  if (method === 'POST') return command;
  throw new PortreeveError('METHOD_UNKNOWN', `${method} is not supported; use POST`);
}

async function readText(request: IncomingMessage): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let length = 0;
  for await (const chunk of request) {
    if (!(chunk instanceof Uint8Array)) continue;
    length += chunk.length;
    if (length > CONTROL_REQUEST_MAX_BYTES) {
      const message = `a request has at most ${CONTROL_REQUEST_MAX_BYTES} bytes`;
      throw new PortreeveError('REQUEST_INVALID', message);
    }
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new PortreeveError('REQUEST_INVALID', 'the request is not JSON');
  }
}
