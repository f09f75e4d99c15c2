// One request and its answer by HTTP/1.0 (RFC 1945) over a Unix socket: to load node:http takes longer than to answer.
import { createConnection } from 'node:net';
import { parseDecimal } from '../base/port.ts';

/** What is asked for. */
export interface HttpRequest {
  readonly method: string;
  /** As it stands in the request: what is no visible character of ASCII is escaped in it. */
  readonly path: string;
  readonly body: string;
}

export interface HttpAnswer {
  readonly status: number;
  readonly text: string;
}

/** An exchange that goes on. */
interface HttpExchange {
  /** Rejects with the error of the socket, and with RangeError for what is no answer, or too large a one. */
  readonly answer: Promise<HttpAnswer>;
  /** Ends it, if it has not ended. */
  close(): void;
}

const VISIBLE = /^[\x21-\x7e]+$/;
const STATUS_LINE = /^HTTP\/1\.[01] ([1-5][0-9]{2})[ \r]/;
const STATUS_MAX = 599;
const HEAD_END = '\r\n\r\n';
const LENGTH = /^content-length:[ \t]*([0-9]{1,9})[ \t]*$/im;
/** What an answer may have besides its text, in bytes. */
const HEAD_MAX_BYTES = 16 * 1024;

/** Asks; of the answer's text so many bytes are taken. Throws TypeError for a path that cannot be asked for. */
export function exchange(
  socketPath: string,
  { method, path, body }: HttpRequest,
  maxBytes: number,
): HttpExchange {
  if (!VISIBLE.test(path)) throw new TypeError(`the path "${path}" has characters that no request has`);
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
      // A connection that was closed with our request unread is reset; one that is closed after it is the same.
      if (length === 0) reject(Object.assign(new Error('it is no answer'), { code: 'ECONNRESET' }));
      const read = readAnswer(Buffer.concat(chunks), maxBytes);
      if (read instanceof RangeError) reject(read);
      else resolve(read);
    });
  });
  const bytes = Buffer.byteLength(body);
  // Node's server wants to know for whom it is meant, also in version 1.0.
  socket.write(`${method} ${path} HTTP/1.0\r\nhost: localhost\r\ncontent-length: ${bytes}\r\n\r\n${body}`);
  return { answer, close: () => void socket.destroy() };
}

function readAnswer(bytes: Buffer, maxBytes: number): HttpAnswer | RangeError {
  const at = bytes.indexOf(HEAD_END);
  const head = bytes.toString('latin1', 0, Math.max(at, 0));
  const [, digits] = STATUS_LINE.exec(`${head}\r`) ?? [];
  if (at < 0 || digits === undefined) return new RangeError('it is no answer');
  const body = bytes.subarray(at + HEAD_END.length);
  if (body.length > maxBytes) return tooLarge(maxBytes);
  const [, announced] = LENGTH.exec(head) ?? [];
  if (announced !== undefined && announced !== `${body.length}`) return new RangeError('it is cut off');
  return { status: parseDecimal(digits, STATUS_MAX) ?? 0, text: body.toString('utf8') };
}

function tooLarge(maxBytes: number): RangeError {
  return new RangeError(`more than ${maxBytes} bytes`);
}
