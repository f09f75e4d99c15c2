// Record marking (RFC 5531 section 11): delimits messages on a byte stream.
import type { Bytes } from '../../base/bytes.ts';
import { XdrError } from './xdr.ts';

/** The bit of a fragment header that marks the last fragment of a record. */
const LAST_FRAGMENT = 0x80000000;
/** The size of a fragment header. */
export const RECORD_MARK_BYTES = 4;
/** The maximum number of empty fragments in a record: they cost work and carry no data. */
const EMPTY_FRAGMENTS_MAX = 16;

interface RecordSpan {
  /** `whole`: a complete record was found; `more`: the input ends inside the record. */
  state: 'whole' | 'more';
  /** The size of the record in the input, with its fragment headers. */
  consumed: number;
  /** The message, if it is one fragment; otherwise use gatherRecord(). */
  start: number;
  end: number;
  fragments: number;
}

/** A span for scanRecord() to fill. */
export function newRecordSpan(): RecordSpan {
  return { state: 'more', consumed: 0, start: 0, end: 0, fragments: 0 };
}

/**
 * Scans one record at `start` and fills `span`. Throws XdrError if the record exceeds `maxBytes` or `maxFragments`, is
 * empty, or has too many empty fragments: the stream must then be closed.
 */
export function scanRecord(
  bytes: Bytes,
  start: number,
  end: number,
  maxBytes: number,
  span: RecordSpan,
  maxFragments = Number.POSITIVE_INFINITY,
): RecordSpan {
  let at = start;
  let length = 0;
  let empty = 0;
  span.fragments = 0;
  span.state = 'more';
  while (end - at >= RECORD_MARK_BYTES) {
    const mark = bytes.view.getUint32(at);
    const last = mark >= LAST_FRAGMENT;
    const size = last ? mark - LAST_FRAGMENT : mark;
    if (size === 0) empty++;
    length += size;
    if (length > maxBytes) throw new XdrError('XDR_TOO_LONG', `a record of more than ${maxBytes} bytes`);
    if (span.fragments >= maxFragments) throw new XdrError('XDR_TOO_LONG', 'a record of too many fragments');
    if (empty > EMPTY_FRAGMENTS_MAX) throw new XdrError('XDR_BAD_VALUE', 'a record of empty fragments');
    if (end - at - RECORD_MARK_BYTES < size) return span;
    span.fragments++;
    if (last) {
      if (length === 0) throw new XdrError('XDR_BAD_VALUE', 'an empty record');
      span.state = 'whole';
      span.start = at + RECORD_MARK_BYTES;
      span.end = span.start + size;
      span.consumed = span.end - start;
      return span;
    }
    at += RECORD_MARK_BYTES + size;
  }
  return span;
}

/** Concatenates the fragments of the complete record at `start` in `target`; returns the length of the message. */
export function gatherRecord(bytes: Bytes, start: number, target: Uint8Array): number {
  let at = start;
  let length = 0;
  for (;;) {
    const mark = bytes.view.getUint32(at);
    const last = mark >= LAST_FRAGMENT;
    const size = last ? mark - LAST_FRAGMENT : mark;
    at += RECORD_MARK_BYTES;
    target.set(bytes.u8.subarray(at, at + size), length);
    at += size;
    length += size;
    if (last) return length;
  }
}

/** Writes the header of a record of one fragment of `length` bytes. */
export function writeRecordMark(view: DataView, at: number, length: number): void {
  view.setUint32(at, LAST_FRAGMENT + length);
}

/** Encodes a message as a record of one fragment. */
export function encodeRecord(message: Uint8Array): Uint8Array {
  const record = new Uint8Array(RECORD_MARK_BYTES + message.length);
  writeRecordMark(new DataView(record.buffer), 0, message.length);
  record.set(message, RECORD_MARK_BYTES);
  return record;
}
