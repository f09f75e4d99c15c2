// XDR (RFC 4506): bounds-checked reading and writing of big-endian units of four bytes, without copies.
import { type Bytes, bytesOf } from '../../base/bytes.ts';

/** Why bytes cannot be decoded, or a value cannot be encoded. */
export type XdrErrorCode = 'XDR_SHORT' | 'XDR_TOO_LONG' | 'XDR_BAD_VALUE' | 'XDR_NO_ROOM';

/** Thrown by the codecs for input that cannot be decoded, and for values that cannot be encoded. */
export class XdrError extends Error {
  override readonly name = 'XdrError';
  /** The kind of error. */
  readonly code: XdrErrorCode;

  /** The message describes the error. */
  constructor(code: XdrErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** The length with the padding to a multiple of four bytes (RFC 4506 section 3). */
export const padded = (length: number): number => (length + 3) & ~3;

/** A range of bytes, and the position in it. */
class XdrCursor {
  protected bytes: Bytes;
  protected end: number;
  /** The offset of the next byte to be read or written. */
  at: number;

  /** Covers `bytes` from `start` up to, not including, `end`. */
  constructor(bytes: Bytes, start = 0, end = bytes.u8.length) {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
  }

  /** Moves it to another range. */
  reset(bytes: Bytes, start: number, end: number): void {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
  }
}

/** Reads XDR units from a range of bytes. A reader can be reused by reset(). */
export class XdrReader extends XdrCursor {
  /** The number of bytes that are left. */
  get left(): number {
    return this.end - this.at;
  }

  /** An unsigned integer (RFC 4506 4.2). Throws XdrError `XDR_SHORT` at the end of the bytes, as all below do. */
  u32(): number {
    const at = this.at;
    if (this.end - at < 4) throw new XdrError('XDR_SHORT', 'the bytes end inside an integer');
    this.at = at + 4;
    return this.bytes.view.getUint32(at);
  }

  /** The unsigned integer that is `offset` bytes ahead. The caller must check `left` first. */
  peek(offset: number): number {
    return this.bytes.view.getUint32(this.at + offset);
  }

  /** A boolean (RFC 4506 4.4): 0 or 1; throws XdrError `XDR_BAD_VALUE` for anything else. */
  bool(): boolean {
    const value = this.u32();
    if (value > 1) throw new XdrError('XDR_BAD_VALUE', `${value} is not a boolean`);
    return value === 1;
  }

  /**
   * Variable-length opaque data of at most `max` bytes (RFC 4506 4.10), as a view of the input, not a copy.
   * Throws XdrError `XDR_TOO_LONG`. The padding is not checked, because some encoders do not clear it.
   */
  opaque(max: number): Uint8Array {
    return this.fixed(this.#length(max));
  }

  /** Fixed-length opaque data (RFC 4506 4.9), as a view of the input. */
  fixed(length: number): Uint8Array {
    const at = this.#pass(length, 'opaque data');
    return this.bytes.u8.subarray(at, at + length);
  }

  /** Skips a string, or opaque data, of at most `max` bytes. */
  skip(max: number): void {
    this.#pass(this.#length(max), 'opaque data');
  }

  /**
   * A string of at most `max` bytes (RFC 4506 4.11), each byte a character (ISO 8859-1), so that no byte is lost. If it
   * equals `expected`, that string is returned, so that repeated values allocate nothing.
   */
  string(max: number, expected = ''): string {
    const length = this.u32();
    if (length > max)
      throw new XdrError('XDR_TOO_LONG', `a string of ${length} bytes, at most ${max} are permitted`);
    if (length === 0) return '';
    const at = this.#pass(length, 'a string');
    if (equalsText(this.bytes.u8, at, length, expected)) return expected;
    return asciiText(this.bytes.u8, at, at + length);
  }

  #length(max: number): number {
    const length = this.u32();
    if (length > max) throw new XdrError('XDR_TOO_LONG', `${length} bytes, at most ${max} are permitted`);
    return length;
  }

  /** Skips bytes and their padding; returns where they begin. */
  #pass(length: number, what: string): number {
    const at = this.at;
    // The padding of a length near 2^32 wraps around.
    if (length > this.end - at || padded(length) > this.end - at)
      throw new XdrError('XDR_SHORT', `the bytes end inside ${what}`);
    this.at = at + padded(length);
    return at;
  }
}

function equalsText(u8: Uint8Array, at: number, length: number, text: string): boolean {
  if (text.length !== length) return false;
  for (let i = 0; i < length; i++) if (u8[at + i] !== text.charCodeAt(i)) return false;
  return true;
}

/** For short texts, concatenation is faster than a TextDecoder. */
function asciiText(u8: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let i = start; i < end; i++) text += String.fromCharCode(u8[i] ?? 0);
  return text;
}

/** Writes XDR units into a range of bytes. It never truncates: what does not fit is an error. */
export class XdrWriter extends XdrCursor {
  /** The number of bytes that can still be written. */
  get room(): number {
    return this.end - this.at;
  }

  #reserve(length: number): number {
    const at = this.at;
    if (length > this.end - at) throw new XdrError('XDR_NO_ROOM', `no room for ${length} more bytes`);
    this.at = at + length;
    return at;
  }

  /** An unsigned integer, 0 to 4294967295. Throws XdrError `XDR_NO_ROOM` if it does not fit, as all below do. */
  u32(value: number): void {
    this.bytes.view.setUint32(this.#reserve(4), value);
  }

  /** Six integers, with a single bounds check. */
  words(a: number, b: number, c: number, d: number, e: number, f: number): void {
    const at = this.#reserve(24);
    const { view } = this.bytes;
    view.setUint32(at, a);
    view.setUint32(at + 4, b);
    view.setUint32(at + 8, c);
    view.setUint32(at + 12, d);
    view.setUint32(at + 16, e);
    view.setUint32(at + 20, f);
  }

  /** A boolean. */
  bool(value: boolean): void {
    this.u32(value ? 1 : 0);
  }

  /** Fixed-length opaque data, padded to a multiple of four bytes. */
  fixed(data: Uint8Array): void {
    const at = this.#reserve(padded(data.length));
    this.bytes.u8.set(data, at);
    this.bytes.u8.fill(0, at + data.length, this.at);
  }

  /** Variable-length opaque data, preceded by its length. */
  opaque(data: Uint8Array): void {
    this.u32(data.length);
    this.fixed(data);
  }

  /** A string; throws `XDR_BAD_VALUE` for a character that is not one byte (ISO 8859-1). */
  string(text: string): void {
    this.u32(text.length);
    const at = this.#reserve(padded(text.length));
    const u8 = this.bytes.u8;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code > 255) throw new XdrError('XDR_BAD_VALUE', 'an XDR string has only characters of one byte');
      u8[at + i] = code;
    }
    u8.fill(0, at + text.length, this.at);
  }
}

/** Encodes with a buffer that grows up to `max` bytes. Not for the hot path. */
export function encodeXdr(write: (writer: XdrWriter) => void, max = 1 << 20): Uint8Array {
  for (let size = 512; ; size = Math.min(size * 4, max)) {
    const bytes = bytesOf(new Uint8Array(size));
    const writer = new XdrWriter(bytes);
    try {
      write(writer);
      return bytes.u8.subarray(0, writer.at);
    } catch (thrown) {
      const full = thrown instanceof XdrError && thrown.code === 'XDR_NO_ROOM';
      if (!full || size >= max) throw thrown;
    }
  }
}
