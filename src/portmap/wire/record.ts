// Record marking (RFC 5531 section 11): how messages are told apart on a byte stream.
import type { Bytes } from '../../base/bytes.ts';
import { XdrError } from './xdr.ts';

/** The bit of a fragment's header that says "the last of its record". */
const LAST_FRAGMENT = 0x80000000;
/** The bytes of a fragment's header. */
export const RECORD_MARK_BYTES = 4;
/** Empty fragments that a record may have before the stream is given up: they carry nothing but work. */
const EMPTY_FRAGMENTS_MAX = 16;

/** Where a record was found. */
interface RecordSpan {
  /** `whole`: a record is there; `more`: it is not complete yet. */
  state: 'whole' | 'more';
  /** How many bytes of the input the record takes with its headers. */
  consumed: number;
  /** Where the message is, if it is one fragment; else it has to be gathered. */
  start: number;
  end: number;
  fragments: number;
}

/** A span to be filled by scanRecord. */
export function newRecordSpan(): RecordSpan {
  return { state: 'more', consumed: 0, start: 0, end: 0, fragments: 0 };
}

/**
 * Looks for one record at `start` and fills `span`.
 * Throws XdrError when the record would exceed `maxBytes` or `maxFragments`, is empty, or is made of empty
 * fragments: what follows
 * on such a stream means nothing any more.
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

/** Copies the fragments of a whole record at `start` together into `target`; gives the length of the message. */
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

/** The header of a record that is one fragment of `length` bytes. */
export function writeRecordMark(view: DataView, at: number, length: number): void {
  view.setUint32(at, LAST_FRAGMENT + length);
}

/** A message as a record of one fragment. */
export function encodeRecord(message: Uint8Array): Uint8Array {
  const record = new Uint8Array(RECORD_MARK_BYTES + message.length);
  writeRecordMark(new DataView(record.buffer), 0, message.length);
  record.set(message, RECORD_MARK_BYTES);
  return record;
}
