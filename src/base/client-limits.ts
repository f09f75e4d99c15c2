// The bounds of the client, so that no server makes it wait for ever or take memory without end.

/** A call ends without an answer after so long, unless told otherwise. */
export const CALL_TIMEOUT_MS = 5000;
/** A daemon that has too many connections is asked again after so long, each time. */
export const BUSY_RETRIES_MS: readonly number[] = [20, 80, 320, 1000];
/** The longest time that a timer can be set to. */
export const CALL_TIMEOUT_MAX_MS = 2 ** 31 - 1;
/** A datagram is sent again after so long, then after twice as long each time. */
export const RETRANSMIT_MS = 400;
/** The largest answer on a stream, in bytes: a port mapper with 65,536 entries lists them in less. */
export const RECORD_MAX_BYTES = 16 * 1024 * 1024;
/** What the headers of a record's fragments may take besides: 16,384 of them. */
export const RECORD_MARKS_MAX_BYTES = 64 * 1024;
/** The longest list of mappings that is read. */
export const DUMP_NODES_MAX = 2 ** 18;
/** The largest answer of the daemon, in bytes. */
export const CONTROL_ANSWER_MAX_BYTES = 16 * 1024 * 1024;
/** The longest line of the daemon where it answers line by line. */
export const CONTROL_LINE_MAX_CHARACTERS = 1024 * 1024;
