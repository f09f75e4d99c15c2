// The limits of the client. They bound how long a server can make it wait, and how much memory it uses.

/** The default timeout of a call. */
export const CALL_TIMEOUT_MS = 5000;
/** The delays between attempts to connect to a daemon that has too many connections. */
export const BUSY_RETRIES_MS: readonly number[] = [20, 80, 320, 1000];
/** The longest delay that setTimeout() accepts. */
export const CALL_TIMEOUT_MAX_MS = 2 ** 31 - 1;
/** The delay before a datagram is retransmitted. It doubles each time. */
export const RETRANSMIT_MS = 400;
/** The largest reply on a stream. A list of 65,536 registrations is smaller. */
export const RECORD_MAX_BYTES = 16 * 1024 * 1024;
/** The total size of the fragment headers of a reply: 16,384 fragments. */
export const RECORD_MARKS_MAX_BYTES = 64 * 1024;
/** The longest list of mappings in a reply. */
export const DUMP_NODES_MAX = 2 ** 18;
/** The largest response of the daemon. */
export const CONTROL_ANSWER_MAX_BYTES = 16 * 1024 * 1024;
/** The longest line in a response of JSON lines. */
export const CONTROL_LINE_MAX_CHARACTERS = 1024 * 1024;
