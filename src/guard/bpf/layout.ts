// The structures in the BPF maps that the guard's programs share with portreeve.
import { byteArray, Layout } from '../../base/layout.ts';
import { exactNumber } from '../../base/numbers.ts';

/** Increased with every change of a structure or its meaning. Maps of another version are not written. */
export const GUARD_ABI = 4;

export const MODE = { off: 0, enforce: 1, observe: 2 } as const;

/** The number of sets of tables: one is in force while the other one is filled. */
export const SLOTS = 2;

/** RESTRICTLOWPORTS and UNRESTRICTLOWPORTS in TCPCONFIG and UDPCONFIG. */
export const LOW_PORTS = { unspecified: 0, restricted: 1, unrestricted: 2 } as const;

/** The settings of one set of tables. */
export const SETTINGS = new Layout({
  tcpLowPorts: 'u32',
  udpLowPorts: 'u32',
  /** Whether there are entries of UNRSV. */
  hasUnreservedTcp: 'u32',
  hasUnreservedUdp: 'u32',
  /** The entries of UNRSV for the job UNKNOWN; 0 for none. */
  unknownTcp: 'u32',
  unknownUdp: 'u32',
  /** The errno of a refusal, and of one on ports 512-1023. */
  errno: 'u32',
  errnoLow: 'u32',
  /** net.ipv4.ip_unprivileged_port_start: from this port on, Linux requires no capability. */
  unprivilegedStart: 'u32',
  /** The revision of the profile in the archive. */
  revision: 'u32',
  /** The acknowledgment option of TCPCONFIG, for ports that are not reserved: FLAG.noDelayAcks, FLAG.delayAcks or 0. */
  tcpAcks: 'u32',
  /** NODELAYACKS: the shortest delay that the kernel accepts, in microseconds. */
  noDelayUs: 'u32',
  /** GuardTables.digest */
  digest: 'u64',
  /** The swap that installed them: CONFIG.swaps at that time. */
  swap: 'u32',
});

/**
 * The head of the map `config`, followed by the settings and the cgroup filter of each set of tables. The offsets are
 * the same in all versions, because they are read before the version is known.
 */
export const CONFIG = new Layout({
  abi: 'u32',
  mode: 'u32',
  /** The set in force. */
  slot: 'u32',
  /** The set that is in force again after the deadline. */
  previousSlot: 'u32',
  /** Nanoseconds since boot (CLOCK_BOOTTIME) until which `slot` is on trial; 0 if it is not. */
  deadline: 'u64',
  /** When the tables were put in force, in milliseconds since 1970. */
  since: 'u64',
  /** The network namespace in which the guard was started; the others are in the map `netns`. */
  home: 'u64',
  /** Whether portreeve mounted the BPF file system. */
  hasMounted: 'u32',
  /** How often a set was filled. */
  swaps: 'u32',
});

/**
 * A filter of the cgroups that may have a job, so that most others need not be looked up. The highest bits of a
 * cgroup's number, multiplied by `factor`, select its bit.
 */
export const CGROUP_FILTER = { bytes: 512, factor: 0x9e37_79b9_7f4a_7c15n, shift: 52 } as const;

export function cgroupBit(id: bigint): number {
  return exactNumber(BigInt.asUintN(64, id * CGROUP_FILTER.factor) >> BigInt(CGROUP_FILTER.shift));
}

/** The size of one set in the map `config`, and of the map's only value. */
export const SLOT_BYTES = SETTINGS.bytes + CGROUP_FILTER.bytes;
export const CONFIG_BYTES = CONFIG.bytes + SLOTS * SLOT_BYTES;

/** The maximum number of wildcard patterns in a profile: each job has a bit for each. */
export const WILDCARDS_MAX = 128;

/** The properties of a job that rules check. */
export const JOB = new Layout({
  /**
   * The numbers of its name and aliases (base/job.ts; a unit has at most three) among the names in the profile, 0 for
   * one that is not in the profile.
   */
  name0: 'u32',
  name1: 'u32',
  name2: 'u32',
  name3: 'u32',
  isKnown: 'u32',
  /** The entry of UNRSV for its own name; 0 for none. */
  unreservedTcp: 'u32',
  unreservedUdp: 'u32',
  /** The wildcard patterns that match one of its names. */
  wildcards0: 'u64',
  wildcards1: 'u64',
});

/**
 * The key of the map `units`: the name of a unit in uppercase, "SSH.SOCKET", or of all instances of a template,
 * "POSTGRESQL@", padded with zeros. The longest is a job name followed by ".SERVICE".
 */
export const UNIT_NAME_BYTES = 72;

/** The maximum length of a unit's cgroup path that the kernel program reads, including the final zero. */
export const UNIT_TEXT_BYTES = 256;

/** The kinds of rules. */
export const USE = { noOne: 1, jobs: 2, unreserved: 3, unreservedDenied: 4 } as const;

/** How a rule matches jobs. */
export const MATCH = { none: 0, any: 1, known: 2, name: 3, wildcard: 4 } as const;

/** The options of a rule. */
export const FLAG = { share: 1, noDelayAcks: 2, delayAcks: 4, bind4: 8, bind6: 16, saf: 32 } as const;

/** A rule. The rules of one port are a linked list, in order. */
export const RULE = new Layout({
  use: 'u8',
  match: 'u8',
  flags: 'u16',
  /** The number of the name, or of the wildcard pattern. */
  id: 'u32',
  /** The next rule of the port; 0 for none. */
  next: 'u32',
  /** The number of the SAF resource. */
  saf: 'u32',
  /** BIND: an IPv4 address in the first four bytes, or an IPv6 address. */
  address: byteArray(16, 4),
});

/** The maximum number of rules for one port. */
export const RULES_PER_PORT_MAX = 64;

/** The first rule of a port for each protocol; 0 for none. */
export const PORT = new Layout({ tcp: 'u32', udp: 'u32' });
/**
 * Most ports have a single entry with one job and no options, and need no rule: with this bit, the value is the number
 * of the name instead, and 0 means RESERVED (for no one).
 */
export const ONLY_NAME = 0x8000_0000;
export const PORTS = 65536;

/** The users that SAF permits, by resource and uid. ANYONE applies to users without an entry. */
export const PERMIT_KEY = new Layout({ saf: 'u32', uid: 'u32' });
export const ANYONE = 0xffff_ffff;

/** The reasons of refusals, by number. */
export const REFUSALS = [
  'RESERVED_FOR_NO_ONE',
  'RESERVED_FOR_OTHERS',
  'SAF_NOT_PERMITTED',
  'LOW_PORT_RESTRICTED',
  'UNRESERVED_DENIED',
  'UNRESERVED_FOR_OTHERS',
] as const;
export type Refusal = (typeof REFUSALS)[number];

/**
 * The counters: allowed binds, refusals by reason, and events for which the ring buffer was full. In the map, these are
 * followed by the counts taken over from a guard of an older version.
 */
export const COUNTERS = ['judged', ...REFUSALS, 'lost'] as const;

/** A refusal in the ring buffer. */
export const EVENT = new Layout({
  /** Nanoseconds since boot (CLOCK_BOOTTIME). */
  time: 'u64',
  /** The cgroup by which the job was found, its own or an ancestor; 0 where none of them has a job. */
  cgroup: 'u64',
  netns: 'u64',
  pid: 'u32',
  uid: 'u32',
  gid: 'u32',
  revision: 'u32',
  /** The index in REFUSALS. */
  refusal: 'u32',
  mode: 'u32',
  protocol: 'u32',
  port: 'u32',
  /** AF_INET or AF_INET6. */
  family: 'u32',
  errno: 'u32',
  address: byteArray(16, 4),
  command: byteArray(16),
});
