// XDR (RFC 4506): bounded reading and writing of big-endian units of four bytes, without copies.
import { type Bytes, bytesOf } from '../../base/bytes.ts';

/** What was wrong with bytes, or with what should become bytes. */
export type XdrErrorCode = 'XDR_SHORT' | 'XDR_TOO_LONG' | 'XDR_BAD_VALUE' | 'XDR_NO_ROOM';

/** Thrown by the codecs for every input that has no value, and for every value that has no encoding. */
export class XdrError extends Error {
  override readonly name = 'XdrError';
  /** What was wrong. */
  readonly code: XdrErrorCode;

  /** The message says what was wrong in words. */
  constructor(code: XdrErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** The length with the padding to a multiple of four bytes (RFC 4506 section 3). */
export const padded = (length: number): number => (length + 3) & ~3;

/** A stretch of bytes, and how far it has been read or written. */
class Stretch {
  protected bytes: Bytes;
  protected end: number;
  /** The offset of the next byte to be read or written. */
  at: number;

  /** Goes through `bytes` from `start` up to, not including, `end`. */
  constructor(bytes: Bytes, start = 0, end = bytes.u8.length) {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
  }

  /** Points it at another stretch. */
  reset(bytes: Bytes, start: number, end: number): void {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
  }
}

/** Reads XDR units from a stretch of bytes. One reader can be pointed at many stretches in turn. */
export class XdrReader extends Stretch {
  /** How many bytes are left. */
  get left(): number {
    return this.end - this.at;
  }

  /** An unsigned integer (RFC 4506 4.2). Throws XdrError `XDR_SHORT` where the bytes end, as all that follow do. */
  u32(): number {
    const at = this.at;
    if (this.end - at < 4) throw new XdrError('XDR_SHORT', 'the bytes end inside an integer');
    this.at = at + 4;
    return this.bytes.view.getUint32(at);
  }

  /** The unsigned integer that stands `offset` bytes ahead; it has to be looked first whether so much is `left`. */
  ahead(offset: number): number {
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
   * Throws XdrError `XDR_TOO_LONG`. What the padding holds is not looked at: there are encoders that leave garbage
   * in it.
   */
  opaque(max: number): Uint8Array {
    return this.fixed(this.#length(max));
  }

  /** Fixed-length opaque data (RFC 4506 4.9), as a view of the input. */
  fixed(length: number): Uint8Array {
    const at = this.#pass(length, 'opaque data');
    return this.bytes.u8.subarray(at, at + length);
  }

  /** Passes over a string, or opaque data, of at most `max` bytes. */
  skip(max: number): void {
    this.#pass(this.#length(max), 'opaque data');
  }

  /**
   * A string of at most `max` bytes (RFC 4506 4.11), each byte a character (ISO 8859-1), so that none is lost. Where it
   * is the one that is `expected`, that one is given: who asks the same again and again costs no new text.
   */
  string(max: number, expected = ''): string {
    const length = this.u32();
    if (length > max)
      throw new XdrError('XDR_TOO_LONG', `a string of ${length} bytes where at most ${max} may be`);
    if (length === 0) return '';
    const at = this.#pass(length, 'a string');
    if (spells(this.bytes.u8, at, length, expected)) return expected;
    return asciiText(this.bytes.u8, at, at + length);
  }

  #length(max: number): number {
    const length = this.u32();
    if (length > max) throw new XdrError('XDR_TOO_LONG', `${length} bytes where at most ${max} may be`);
    return length;
  }

  /** Passes over bytes and their padding, and gives where they begin. */
  #pass(length: number, what: string): number {
    const at = this.at;
    // The padding of a length near 2^32 wraps around.
    if (length > this.end - at || padded(length) > this.end - at)
      throw new XdrError('XDR_SHORT', `the bytes end inside ${what}`);
    this.at = at + padded(length);
    return at;
  }
}

/** Whether bytes are those of a text: then it need not be made again. */
function spells(u8: Uint8Array, at: number, length: number, text: string): boolean {
  if (text.length !== length) return false;
  for (let i = 0; i < length; i++) if (u8[at + i] !== text.charCodeAt(i)) return false;
  return true;
}

/** Short texts are built a character at a time: that is faster than a decoder's set-up. */
function asciiText(u8: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let i = start; i < end; i++) text += String.fromCharCode(u8[i] ?? 0);
  return text;
}

/** Writes XDR units into a stretch of bytes; what does not fit is an error, never a cut. */
export class XdrWriter extends Stretch {
  /** How many bytes there is room for. */
  get room(): number {
    return this.end - this.at;
  }

  #reserve(length: number): number {
    const at = this.at;
    if (length > this.end - at) throw new XdrError('XDR_NO_ROOM', `no room for ${length} more bytes`);
    this.at = at + length;
    return at;
  }

  /** An unsigned integer, 0 to 4294967295. Throws XdrError `XDR_NO_ROOM` where there is none, as all that follow do. */
  u32(value: number): void {
    this.bytes.view.setUint32(this.#reserve(4), value);
  }

  /** Several integers, for which room is looked for once. */
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

  /** Variable-length opaque data, with its length in front. */
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
      if (code > 255) throw new XdrError('XDR_BAD_VALUE', 'a string of RPC has characters of one byte only');
      u8[at + i] = code;
    }
    u8.fill(0, at + text.length, this.at);
  }
}

/** Encodes with a writer that grows until it has room, up to `max` bytes: for what is not on the hot path. */
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
