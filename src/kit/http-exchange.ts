// A minimal HTTP/1.0 client (RFC 1945) for Unix sockets: loading node:http takes longer than a request.
import { createConnection } from 'node:net';
import { parseDecimal } from '../base/port.ts';

export interface HttpRequest {
  readonly method: string;
  /** As sent: any character that is not visible ASCII must be percent-encoded. */
  readonly path: string;
  readonly body: string;
}

export interface HttpAnswer {
  readonly status: number;
  readonly text: string;
}

/** An exchange in progress. */
interface HttpExchange {
  /** Rejects with the socket's error, and with RangeError for a response that is invalid or too large. */
  readonly answer: Promise<HttpAnswer>;
  /** Ends the exchange, if it has not ended. */
  close(): void;
}

const VISIBLE = /^[\x21-\x7e]+$/;
const STATUS_LINE = /^HTTP\/1\.[01] ([1-5][0-9]{2})[ \r]/;
const STATUS_MAX = 599;
const HEAD_END = '\r\n\r\n';
const LENGTH = /^content-length:[ \t]*([0-9]{1,9})[ \t]*$/im;
/** The largest response header. */
const HEAD_MAX_BYTES = 16 * 1024;

/** Sends a request. Throws TypeError for a path with illegal characters. `maxBytes` limits the response body. */
export function exchange(
  socketPath: string,
  { method, path, body }: HttpRequest,
  maxBytes: number,
): HttpExchange {
  if (!VISIBLE.test(path)) throw new TypeError(`the path "${path}" has characters that must be encoded`);
  const socket = createConnection(socketPath);
  const chunks: Uint8Array[] = [];
  let length = 0;
  const answer = new Promise<HttpAnswer>((resolve, reject) => {
    socket.on('error', reject);
    socket.on('data', (chunk: Uint8Array) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length > maxBytes + HEAD_MAX_BYTES) socket.destroy(tooLarge(maxBytes));
    });
    socket.on('end', () => {
      // The kernel resets a connection that is closed with the request unread. An empty response means the same.
      if (length === 0) reject(Object.assign(new Error('it is empty'), { code: 'ECONNRESET' }));
      const read = readAnswer(Buffer.concat(chunks), maxBytes);
      if (read instanceof RangeError) reject(read);
      else resolve(read);
    });
  });
  const bytes = Buffer.byteLength(body);
  // Node's server requires a Host header even in HTTP/1.0.
  socket.write(`${method} ${path} HTTP/1.0\r\nhost: localhost\r\ncontent-length: ${bytes}\r\n\r\n${body}`);
  return { answer, close: () => void socket.destroy() };
}

function readAnswer(bytes: Buffer, maxBytes: number): HttpAnswer | RangeError {
  const at = bytes.indexOf(HEAD_END);
  const head = bytes.toString('latin1', 0, Math.max(at, 0));
  const [, digits] = STATUS_LINE.exec(`${head}\r`) ?? [];
  if (at < 0 || digits === undefined) return new RangeError('it is not HTTP');
  const body = bytes.subarray(at + HEAD_END.length);
  if (body.length > maxBytes) return tooLarge(maxBytes);
  const [, announced] = LENGTH.exec(head) ?? [];
  if (announced !== undefined && announced !== `${body.length}`) return new RangeError('it is truncated');
  return { status: parseDecimal(digits, STATUS_MAX) ?? 0, text: body.toString('utf8') };
}

function tooLarge(maxBytes: number): RangeError {
  return new RangeError(`more than ${maxBytes} bytes`);
}
