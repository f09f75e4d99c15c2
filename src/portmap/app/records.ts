// The port mapper on streams: splits the input into requests (record marking) and frames the answers.
import { type Bytes, bytesOf } from '../../base/bytes.ts';
import { RECORD_FRAGMENTS_MAX, REQUEST_MAX_BYTES, STREAM_REPLY_MAX_BYTES } from '../../base/limits.ts';
import type { Peer } from '../../base/peer.ts';
import type { RequestHandler, StreamHandler, StreamOutput } from '../../host/host.ts';
import {
  gatherRecord,
  newRecordSpan,
  RECORD_MARK_BYTES,
  scanRecord,
  writeRecordMark,
} from '../wire/record.ts';
import { XdrError } from '../wire/xdr.ts';

/** Serves any number of streams: it keeps no state between calls. */
export class RecordServer implements StreamHandler {
  readonly #handler: RequestHandler;
  readonly #span = newRecordSpan();
  readonly #gathered: Bytes = bytesOf(new Uint8Array(REQUEST_MAX_BYTES));

  constructor(handler: RequestHandler) {
    this.#handler = handler;
  }

  receive(peer: Peer, input: Bytes, start: number, end: number, output: StreamOutput): number {
    const span = this.#span;
    let at = start;
    try {
      while (at < end && !output.full) {
        scanRecord(input, at, end, REQUEST_MAX_BYTES, span, RECORD_FRAGMENTS_MAX);
        if (span.state === 'more') break;
        const isWhole = span.fragments === 1;
        const request = isWhole ? input : this.#gathered;
        const from = isWhole ? span.start : 0;
        const to = isWhole ? span.end : gatherRecord(input, at, this.#gathered.u8);
        if (!this.#answer(peer, request, from, to, output)) return -1;
        at += span.consumed;
      }
    } catch (thrown) {
      if (!(thrown instanceof XdrError)) throw thrown;
      return -1;
    }
    return at - start;
  }

  /** False if the message is not a request: the stream must then be closed. */
  #answer(peer: Peer, request: Bytes, start: number, end: number, output: StreamOutput): boolean {
    const mark = output.room(RECORD_MARK_BYTES + STREAM_REPLY_MAX_BYTES);
    const at = mark + RECORD_MARK_BYTES;
    const head = this.#handler.answer(
      peer,
      request,
      start,
      end,
      output.buffer,
      at,
      at + STREAM_REPLY_MAX_BYTES,
    );
    if (head < 0) return false;
    if (head === 0) return true;
    const { tail } = this.#handler;
    writeRecordMark(output.buffer.view, mark, head + (tail?.length ?? 0));
    output.commit(RECORD_MARK_BYTES + head);
    if (!tail) return true;
    this.#handler.tail = undefined;
    output.attach(tail);
    return true;
  }
}
