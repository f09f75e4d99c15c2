// Every bound of portreeve in one place, with its unit in its name; docs/limits.md says the same in words.

/** The most registrations that portmap keeps. */
export const REGISTRATIONS_MAX = 65536;
/** The most registrations of one user who is not root, so that nobody can fill the table for the others. */
export const REGISTRATIONS_PER_USER_MAX = 16384;

/**
 * The largest request, in bytes: one that carries the most arguments of CALLIT (libtirpc's UDPMSGSIZE, 8800), and
 * a head.
 */
export const REQUEST_MAX_BYTES = 9216;
/** The largest answer over UDP, in bytes: what libtirpc's UDP clients can receive (its UDPMSGSIZE). */
export const UDP_REPLY_MAX_BYTES = 8800;
/** The largest answer on a stream but for DUMP, in bytes: GETSTAT with all its lists needs less. */
export const STREAM_REPLY_MAX_BYTES = 16 * 1024;
/**
 * What is read from a stream at once, in bytes: more than the largest request, were each byte a fragment of its
 * own.
 */
export const STREAM_INPUT_BYTES = 64 * 1024;
/** The answers on a stream that are sent with one system call, in bytes. */
export const STREAM_OUTPUT_BYTES = 64 * 1024;
/** Datagrams that are taken from a socket, and answered, with one system call each. */
export const UDP_BATCH_DATAGRAMS = 64;
/** The receive buffer that is asked for on UDP sockets, so that a burst of requests waits and is not lost. */
export const UDP_RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;

/** The most stream connections that are open at once, Unix sockets included. */
export const CONNECTIONS_MAX = 4096;
/** A connection over which nothing was asked for so long is closed. */
export const CONNECTION_IDLE_MS = 120_000;
/** A connection whose peer takes nothing of its answers for so long is closed. */
export const CONNECTION_STALL_MS = 30_000;
/** Connections that are accepted before data is looked at again. */
export const ACCEPT_BATCH_CONNECTIONS = 16;

/** The addresses whose statistics GETSTAT lists for each version; the oldest gives way. */
export const STATISTICS_ADDRESSES_MAX = 64;
/** Answers to "by which address can this caller reach us" that are kept until an interface changes. */
export const MERGE_CACHE_ENTRIES_MAX = 4096;

/** A restart of a process that died comes after so long, doubled each time up to the second number. */
export const RESTART_DELAY_MIN_MS = 100;
export const RESTART_DELAY_MAX_MS = 10_000;
/** A process that has run so long has recovered: its next restart comes after the shortest delay again. */
export const RESTART_RECOVERED_MS = 30_000;
/** What a process has to end by itself before it is killed. */
export const STOP_GRACE_MS = 500;
/** What a process has to say that it is ready before it is taken for stuck. */
export const START_TIMEOUT_MS = 10_000;

/** The longest line of the channel between the processes, in bytes. */
export const CHANNEL_LINE_MAX_BYTES = 1024 * 1024;
/** The longest request on a control socket, in bytes. */
export const CONTROL_REQUEST_MAX_BYTES = 64 * 1024;
/** The longest portreeve.toml, in bytes. */
export const SETTINGS_MAX_BYTES = 1024 * 1024;
/** Lines that wait for the parent before further ones are dropped (and counted). */
export const CHANNEL_QUEUE_MAX_LINES = 10_000;

/** The most that kernel.pid_max can be (proc_sys_kernel(5)). */
export const PID_MAX = 4_194_304;
/** The largest uid: 2^32 - 1 stands for "none" (credentials(7)). */
export const UID_MAX = 4_294_967_294;
