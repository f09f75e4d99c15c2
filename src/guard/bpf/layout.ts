// What the programs of the guard and portreeve share in the kernel: the maps and the structures in them.
import { byteArray, Layout } from '../../base/layout.ts';
import { exactNumber } from '../../base/numbers.ts';

/** Changes with every change of a structure or of what the programs make of it: others' maps are not written to. */
export const GUARD_ABI = 4;

/** What the programs do with a verdict. */
export const MODE = { off: 0, enforce: 1, observe: 2 } as const;

/** Two sets of tables: one is in force while the other one is filled. */
export const SLOTS = 2;

/** TCPCONFIG and UDPCONFIG: what is said of ports below 1024. */
export const LOW_PORTS = { unsaid: 0, restricted: 1, unrestricted: 2 } as const;

/** Settings of one set of tables. */
export const SETTINGS = new Layout({
  tcpLowPorts: 'u32',
  udpLowPorts: 'u32',
  /** Whether there are entries of UNRSV. */
  hasUnreservedTcp: 'u32',
  hasUnreservedUdp: 'u32',
  /** The entries of UNRSV for the job UNKNOWN; 0 for none. */
  unknownTcp: 'u32',
  unknownUdp: 'u32',
  /** The errno of a refusal, and of one of a port from 512 to 1023. */
  errno: 'u32',
  errnoLow: 'u32',
  /** net.ipv4.ip_unprivileged_port_start: from here on Linux asks for no capability. */
  unprivilegedStart: 'u32',
  /** The revision of the profile in the archive. */
  revision: 'u32',
  /** What TCPCONFIG says of acknowledgments, for ports that are not reserved: FLAG.noDelayAcks, FLAG.delayAcks or 0. */
  tcpAcks: 'u32',
  /** NODELAYACKS: the shortest delay that the kernel takes, in microseconds. */
  noDelayUs: 'u32',
  /** What the tables are: GuardTables.digest. */
  digest: 'u64',
  /** Which swap has put them there: CONFIG.swaps at that time. */
  swap: 'u32',
});

/**
 * The head of the map `config`; for each set of tables its settings and its filter of cgroups follow. Its fields stay
 * where they are, whatever the version: others look at them before they know which one it is.
 */
export const CONFIG = new Layout({
  abi: 'u32',
  mode: 'u32',
  /** Which set is in force. */
  slot: 'u32',
  /** Which set is in force again after the deadline. */
  previousSlot: 'u32',
  /** Nanoseconds since boot (CLOCK_BOOTTIME) until which `slot` is on trial; 0 if it is not. */
  deadline: 'u64',
  /** When the tables were put in force, in milliseconds since 1970. */
  since: 'u64',
  /** The network namespace that the policy was loaded in; others are in the map `netns`. */
  home: 'u64',
  /** Whether the BPF file system was mounted by us. */
  hasMounted: 'u32',
  /** How often tables were put into one of the sets. */
  swaps: 'u32',
});

/**
 * Which cgroups may be jobs: a bit for each, so that most of those that are none need not be looked up. Of the number
 * of a
 * cgroup, multiplied, the highest bits choose the bit.
 */
export const CGROUP_FILTER = { bytes: 512, factor: 0x9e37_79b9_7f4a_7c15n, shift: 52 } as const;

export function cgroupBit(id: bigint): number {
  return exactNumber(BigInt.asUintN(64, id * CGROUP_FILTER.factor) >> BigInt(CGROUP_FILTER.shift));
}

/** The bytes of one set in the map `config`, and those of its one value. */
export const SLOT_BYTES = SETTINGS.bytes + CGROUP_FILTER.bytes;
export const CONFIG_BYTES = CONFIG.bytes + SLOTS * SLOT_BYTES;

/** The wildcard patterns that one profile may have: a bit for each in every job. */
export const WILDCARDS_MAX = 128;

/** A job, as the rules look at it. */
export const JOB = new Layout({
  /**
   * The numbers of its names among the names in the profile, 0 for one that is not among them: its own and its aliases
   * (base/job.ts), of which a unit has at most three.
   */
  name0: 'u32',
  name1: 'u32',
  name2: 'u32',
  name3: 'u32',
  isKnown: 'u32',
  /** The entry of UNRSV that is for it, by its own name; 0 for none. */
  unreservedTcp: 'u32',
  unreservedUdp: 'u32',
  /** The wildcard patterns that match one of its names. */
  wildcards0: 'u64',
  wildcards1: 'u64',
});

/**
 * The key of the map `units`: the name of a unit in capitals, "SSH.SOCKET", or of all instances of a template,
 * "POSTGRESQL@", with zeros behind it. The longest is that of a job with ".SERVICE" behind it.
 */
export const UNIT_NAME_BYTES = 72;

/** The paths of units' cgroups that the kernel reads have fewer bytes. */
export const UNIT_TEXT_BYTES = 256;

/** What a rule is. */
export const USE = { noOne: 1, jobs: 2, unreserved: 3, unreservedDenied: 4 } as const;

/** Which jobs a rule is for. */
export const MATCH = { none: 0, any: 1, known: 2, name: 3, wildcard: 4 } as const;

/** What else a rule says. */
export const FLAG = { share: 1, noDelayAcks: 2, delayAcks: 4, bind4: 8, bind6: 16, saf: 32 } as const;

/** A rule; those of one port are linked in their order. */
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

/** The rules of one port that are looked through. */
export const RULES_PER_PORT_MAX = 64;

/** What a port leads to: the first rule of each protocol, 0 for none. */
export const PORT = new Layout({ tcp: 'u32', udp: 'u32' });
/**
 * A port with one entry that names one job and has no options, as most have, needs no rule: with this bit the number of
 * the name stands in its place; 0 is RESERVED, for no one.
 */
export const ONLY_NAME = 0x8000_0000;
export const PORTS = 65536;

/** Who may use what SAF protects: by resource and uid; ANYONE is whoever has no entry of his own. */
export const PERMIT_KEY = new Layout({ saf: 'u32', uid: 'u32' });
export const ANYONE = 0xffff_ffff;

/** Why a bind was refused: the names of the policy, as numbers. */
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
 * What is counted: binds that were judged and allowed, each refusal, and events that found no room. In the map what the
 * guard of an older version had counted before stands behind what the programs count.
 */
export const COUNTERS = ['judged', ...REFUSALS, 'lost'] as const;

/** A refusal, as it is told through the ring buffer. */
export const EVENT = new Layout({
  /** Nanoseconds since boot (CLOCK_BOOTTIME). */
  time: 'u64',
  /** The cgroup by which its job was found, its own or one above; 0 where none of them is a job. */
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
