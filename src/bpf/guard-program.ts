// The programs that judge bind(2) in the kernel, one for IPv4 sockets and one for IPv6: they do what decide() does.
import { Assembler } from './assembler.ts';
import {
  ANYONE,
  CGROUP_FILTER,
  CONFIG,
  COUNTERS,
  EVENT,
  FLAG,
  JOB,
  LOW_PORTS,
  MATCH,
  MODE,
  PERMIT_KEY,
  PORT,
  REFUSALS,
  type Refusal,
  RULE,
  RULES_PER_PORT_MAX,
  SETTINGS,
  SLOT_BYTES,
  USE,
} from './guard-layout.ts';
import { R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10 } from './instruction.ts';
import type { Program } from './program.ts';

/** struct bpf_sock_addr (<linux/bpf.h>): where the address, the port and the protocol are. */
const CONTEXT = { ip4: 4, ip6: 8, port: 24, protocol: 36 } as const;

/** <linux/in.h>; MPTCP binds for TCP. */
const IPPROTO_TCP = 6;
const IPPROTO_UDP = 17;
const IPPROTO_MPTCP = 262;
const AF_INET = 2;
const AF_INET6 = 10;

/** Low ports, and those among which bindresvport(3) looks for one that is not EADDRINUSE. */
const LOW_PORTS_END = 1024;
const RESVPORT_START = 512;

/** <asm-generic/socket.h>, <linux/tcp.h> and <linux/bpf.h>: options that bpf_setsockopt() can set. */
const SOL_SOCKET = 1;
const SO_REUSEPORT = 15;
const TCP_BPF_DELACK_MAX = 1003;
/** Microseconds; the kernel takes nothing shorter than two of its ticks, and this is two at 250 Hz. */
export const NO_DELAY_US = 8000;
/** What the kernel has without being told (TCP_DELACK_MAX). */
export const DELAY_US = 200_000;

/** Return values of the hook: refused; allowed; allowed, without asking for CAP_NET_BIND_SERVICE. */
const DENY = 0;
const ALLOW = 1;
const ALLOW_LOW = 3;

/** Cgroups above the one of the caller that are looked up: how deep a unit's own cgroups may be. */
const CGROUP_LEVELS = 8;

/** The frame: where what is kept stands below the frame pointer. */
const KEY = -8;
const SLOT = -12;
const PROTOCOL = -16;
const MODE_AT = -20;
const PORT_AT = -24;
const RULE_AT = -28;
const REFUSAL_AT = -32;
const NETNS_AT = -40;
const JOB_AT = NETNS_AT - JOB.bytes;
const EVENT_AT = JOB_AT - EVENT.bytes;

type Family = 4 | 6;

/** The program for sockets of a family; the same each time that it is made. */
export function bindProgram(family: Family): Program {
  return new BindProgram(family).assemble();
}

class BindProgram {
  readonly #p: Assembler;
  readonly #family: Family;
  #labels = 0;

  constructor(family: Family) {
    this.#family = family;
    this.#p = new Assembler(`portreeve_bind${family}`);
  }

  assemble(): Program {
    this.#begin();
    this.#chooseTables();
    this.#findRule();
    this.#findJob();
    this.#judgeUnreserved();
    this.#judgeReserved();
    this.#grant();
    this.#refuse();
    this.#end();
    return this.#p.assemble();
  }

  #label(name: string): string {
    return `${name} ${++this.#labels}`;
  }

  /** Whether there is anything to be judged: the mode, the namespace, the port, the protocol. */
  #begin(): void {
    const p = this.#p;
    p.mov(R6, R1, 'the context');
    p.loadMapValue(R7, 'config', 0);
    p.load('u32', R1, R7, CONFIG.fields.mode.offset, 'mode');
    p.jump('eq', R1, MODE.off, 'pass');
    p.store('u32', R10, MODE_AT, R1);
    p.load('u32', R9, R6, CONTEXT.port, 'port');
    p.swap('be16', R9);
    p.jump('eq', R9, 0, 'pass', 'port 0: the kernel chooses');
    p.store('u32', R10, PORT_AT, R9);
    p.load('u32', R1, R6, CONTEXT.protocol, 'protocol');
    p.jump('eq', R1, IPPROTO_TCP, 'tcp');
    p.jump('eq', R1, IPPROTO_MPTCP, 'tcp');
    p.jump('ne', R1, IPPROTO_UDP, 'pass', 'no ports of TCP or UDP');
    p.store('u32', R10, PROTOCOL, IPPROTO_UDP);
    p.goto('namespace');
    p.label('tcp');
    p.store('u32', R10, PROTOCOL, IPPROTO_TCP);
    p.label('namespace');
    p.mov(R1, R6);
    p.call('get_netns_cookie');
    p.store('u64', R10, NETNS_AT, R0);
    p.load('u64', R1, R7, CONFIG.fields.home.offset, 'home');
    p.jump('eq', R0, R1, 'set');
    p.loadMap(R1, 'netns');
    this.#pointer(R2, NETNS_AT);
    p.call('map_lookup_elem');
    p.jump('eq', R0, 0, 'pass', 'a namespace with its own policy');
  }

  /** r7 becomes the settings of the set that is in force: after the deadline of a trial the one before. */
  #chooseTables(): void {
    const p = this.#p;
    p.label('set');
    p.load('u32', R8, R7, CONFIG.fields.slot.offset, 'slot');
    p.load('u64', R1, R7, CONFIG.fields.deadline.offset, 'deadline');
    p.jump('eq', R1, 0, 'tables');
    p.call('ktime_get_boot_ns');
    p.load('u64', R1, R7, CONFIG.fields.deadline.offset, 'deadline');
    p.jump('eq', R1, 0, 'tables', 'confirmed meanwhile');
    p.jump('le', R0, R1, 'tables');
    p.load('u32', R8, R7, CONFIG.fields.previousSlot.offset, 'previousSlot');
    p.label('tables');
    p.and(R8, 1);
    p.store('u32', R10, SLOT, R8);
    p.mul(R8, SLOT_BYTES);
    p.add(R7, R8);
    p.add(R7, CONFIG.bytes, 'the settings');
  }

  /** The first rule of the port: one lookup, however many reservations there are. */
  #findRule(): void {
    const p = this.#p;
    this.#lookupInner('ports', PORT_AT, 'pass');
    p.load('u32', R1, R10, PROTOCOL, 'protocol');
    p.load('u32', R8, R0, PORT.fields.udp.offset, 'udp');
    p.jump('eq', R1, IPPROTO_UDP, 'rule');
    p.load('u32', R8, R0, PORT.fields.tcp.offset, 'tcp');
    p.label('rule');
    p.store('u32', R10, RULE_AT, R8);
    p.jump('ne', R8, 0, 'job');
    p.jump('ge', R9, LOW_PORTS_END, 'unreserved');
    this.#loadByProtocol(R1, SETTINGS.fields.tcpLowPorts.offset, SETTINGS.fields.udpLowPorts.offset);
    p.jump('ne', R1, LOW_PORTS.restricted, 'unreserved');
    // Below this Linux asks for the capability itself, which no program can see.
    p.load('u32', R1, R7, SETTINGS.fields.unprivilegedStart.offset, 'unprivilegedStart');
    p.jump('lt', R9, R1, 'judged');
    p.call('get_current_uid_gid');
    p.jump32('eq', R0, 0, 'judged');
    this.#deny('LOW_PORT_RESTRICTED');
    p.label('unreserved');
    this.#loadByProtocol(
      R1,
      SETTINGS.fields.hasUnreservedTcp.offset,
      SETTINGS.fields.hasUnreservedUdp.offset,
    );
    p.jump('eq', R1, 0, 'unreserved allowed');
  }

  /** r1 = one of two settings. */
  #loadByProtocol(dst: typeof R1, tcp: number, udp: number): void {
    const p = this.#p;
    const other = this.#label('udp');
    const done = this.#label('either');
    p.load('u32', dst, R10, PROTOCOL, 'protocol');
    p.jump('eq', dst, IPPROTO_UDP, other);
    p.load('u32', dst, R7, tcp);
    p.goto(done);
    p.label(other);
    p.load('u32', dst, R7, udp);
    p.label(done);
  }

  /** The caller's job: by his cgroup, or one that it is in; else by his uid; else UNKNOWN. */
  #findJob(): void {
    const p = this.#p;
    p.label('job');
    p.loadMap(R1, 'cgroups');
    this.#pointer(R2, SLOT);
    p.call('map_lookup_elem');
    p.jump('eq', R0, 0, 'by user');
    p.mov(R8, R0, 'the jobs by cgroup');
    p.loadImmediate(R9, CGROUP_FILTER.factor);
    p.call('get_current_cgroup_id');
    this.#lookupCgroup();
    for (let level = CGROUP_LEVELS; level > 0; level--) {
      p.mov(R1, level);
      p.call('get_current_ancestor_cgroup_id');
      this.#lookupCgroup();
    }
    p.label('by user');
    p.call('get_current_uid_gid');
    p.store('u32', R10, KEY, R0);
    this.#lookupInner('users', KEY, 'unknown job');
    p.label('job found');
    for (let at = 0; at < JOB.bytes; at += 8) {
      p.load('u64', R1, R0, at);
      p.store('u64', R10, JOB_AT + at, R1);
    }
    p.goto('judge');
    p.label('unknown job');
    for (let at = 0; at < JOB.bytes; at += 8) p.store('u64', R10, JOB_AT + at, 0);
    p.load('u32', R1, R7, SETTINGS.fields.unknownTcp.offset, 'unknownTcp');
    p.storeField(R10, JOB.fields.unreservedTcp, R1, JOB_AT);
    p.load('u32', R1, R7, SETTINGS.fields.unknownUdp.offset, 'unknownUdp');
    p.storeField(R10, JOB.fields.unreservedUdp, R1, JOB_AT);
    p.label('judge');
    p.load('u32', R8, R10, RULE_AT, 'rule');
    p.jump('ne', R8, 0, 'reserved');
  }

  /** Goes to `job found` if the cgroup in r0 is a job; the filter's factor is in r9, the jobs are in r8. */
  #lookupCgroup(): void {
    const p = this.#p;
    const next = this.#label('no job');
    p.mov(R1, R0);
    p.mul(R1, R9);
    p.rsh(R1, CGROUP_FILTER.shift, 'the bit');
    p.mov(R2, R1);
    p.rsh(R2, 6);
    p.lsh(R2, 3);
    p.add(R2, R7);
    p.load('u64', R2, R2, SETTINGS.bytes, '64 bits of the filter');
    p.and(R1, 63);
    p.rsh(R2, R1);
    p.and(R2, 1);
    p.jump('eq', R2, 0, next);
    p.store('u64', R10, KEY, R0);
    this.#lookupIn(R8, KEY);
    p.jump('ne', R0, 0, 'job found');
    p.label(next);
  }

  /** A port that is not reserved, where there are entries of UNRSV. */
  #judgeUnreserved(): void {
    const p = this.#p;
    p.load('u32', R1, R10, PROTOCOL, 'protocol');
    p.loadField(R8, R10, JOB.fields.unreservedUdp, JOB_AT);
    p.jump('eq', R1, IPPROTO_UDP, 'entry');
    p.loadField(R8, R10, JOB.fields.unreservedTcp, JOB_AT);
    p.label('entry');
    p.jump('ne', R8, 0, 'entry found');
    this.#deny('UNRESERVED_FOR_OTHERS');
    p.label('entry found');
    p.store('u32', R10, RULE_AT, R8);
    this.#lookupInner('rules', RULE_AT, 'pass');
    p.mov(R9, R0, 'the entry');
    p.loadField(R1, R9, RULE.fields.use);
    p.jump('ne', R1, USE.unreservedDenied, 'entry allows');
    this.#deny('UNRESERVED_DENIED');
    p.label('entry allows');
    this.#checkSaf('unreserved allowed');
    p.label('unreserved allowed');
    this.#loadByProtocol(R1, SETTINGS.fields.tcpLowPorts.offset, SETTINGS.fields.udpLowPorts.offset);
    p.jump('ne', R1, LOW_PORTS.unrestricted, 'judged');
    p.goto('grant low');
  }

  /** The rules of a reserved port, in their order: the first that is for the job decides. */
  #judgeReserved(): void {
    const p = this.#p;
    p.label('reserved');
    p.mov(R8, RULES_PER_PORT_MAX, 'rules that may be looked at');
    p.label('next rule');
    this.#lookupInner('rules', RULE_AT, 'pass');
    p.mov(R9, R0, 'the rule');
    p.loadField(R1, R9, RULE.fields.use);
    p.jump('ne', R1, USE.noOne, 'match');
    this.#deny('RESERVED_FOR_NO_ONE');
    p.label('match');
    p.loadField(R1, R9, RULE.fields.match);
    p.loadField(R2, R9, RULE.fields.id);
    p.jump('eq', R1, MATCH.any, 'matched');
    p.jump('ne', R1, MATCH.known, 'match name');
    p.loadField(R3, R10, JOB.fields.isKnown, JOB_AT);
    p.jump('ne', R3, 0, 'matched');
    p.goto('not matched');
    p.label('match name');
    p.jump('ne', R1, MATCH.name, 'match wildcard');
    p.loadField(R3, R10, JOB.fields.name, JOB_AT);
    p.jump('eq', R2, R3, 'matched');
    p.goto('not matched');
    p.label('match wildcard');
    p.jump('ne', R1, MATCH.wildcard, 'not matched');
    p.loadField(R3, R10, JOB.fields.wildcards0, JOB_AT);
    p.jump('lt', R2, 64, 'wildcard bit');
    p.loadField(R3, R10, JOB.fields.wildcards1, JOB_AT);
    p.label('wildcard bit');
    p.and(R2, 63);
    p.rsh(R3, R2);
    p.jump('set', R3, 1, 'matched');
    p.label('not matched');
    p.loadField(R1, R9, RULE.fields.next);
    p.jump('eq', R1, 0, 'for others');
    p.store('u32', R10, RULE_AT, R1);
    p.sub(R8, 1);
    p.jump('ne', R8, 0, 'next rule');
    p.label('for others');
    this.#deny('RESERVED_FOR_OTHERS');
    p.label('matched');
    this.#checkSaf('granted');
  }

  /** Goes on at `permitted` unless the rule in r9 has a SAF resource that the caller may not use. */
  #checkSaf(permitted: string): void {
    const p = this.#p;
    const known = this.#label('uid listed');
    const refused = this.#label('not permitted');
    p.loadField(R1, R9, RULE.fields.flags);
    p.and(R1, FLAG.saf);
    p.jump('eq', R1, 0, permitted);
    p.loadField(R1, R9, RULE.fields.saf);
    p.storeField(R10, PERMIT_KEY.fields.saf, R1, KEY);
    p.call('get_current_uid_gid');
    p.storeField(R10, PERMIT_KEY.fields.uid, R0, KEY);
    p.loadMap(R1, 'permits');
    this.#pointer(R2, SLOT);
    p.call('map_lookup_elem');
    p.jump('eq', R0, 0, refused);
    p.mov(R8, R0, 'the permits');
    this.#lookupIn(R8, KEY);
    p.jump('ne', R0, 0, known);
    p.mov32(R1, ANYONE - 2 ** 32);
    p.storeField(R10, PERMIT_KEY.fields.uid, R1, KEY);
    this.#lookupIn(R8, KEY);
    p.jump('eq', R0, 0, refused);
    p.label(known);
    p.load('u32', R1, R0, 0, 'permitted');
    p.jump('ne', R1, 0, permitted);
    p.label(refused);
    this.#deny('SAF_NOT_PERMITTED');
  }

  /** What a reservation gives: its address, sharing, acknowledgments, a low port. Observing changes nothing. */
  #grant(): void {
    const p = this.#p;
    p.label('granted');
    p.load('u32', R1, R10, MODE_AT, 'mode');
    p.jump('ne', R1, MODE.enforce, 'judged');
    p.loadField(R8, R9, RULE.fields.flags);
    this.#rewrite();
    p.label('options');
    p.mov(R1, R8);
    p.and(R1, FLAG.share);
    p.jump('eq', R1, 0, 'acks');
    this.#setOption(SOL_SOCKET, SO_REUSEPORT, 1);
    p.label('acks');
    p.mov(R1, R8);
    p.and(R1, FLAG.noDelayAcks);
    p.jump('eq', R1, 0, 'delayed acks');
    this.#setOption(IPPROTO_TCP, TCP_BPF_DELACK_MAX, NO_DELAY_US);
    p.goto('grant low');
    p.label('delayed acks');
    p.mov(R1, R8);
    p.and(R1, FLAG.delayAcks);
    p.jump('eq', R1, 0, 'grant low');
    this.#setOption(IPPROTO_TCP, TCP_BPF_DELACK_MAX, DELAY_US);
    p.label('grant low');
    p.load('u32', R1, R10, MODE_AT, 'mode');
    p.jump('ne', R1, MODE.enforce, 'judged');
    this.#count('judged');
    p.load('u32', R1, R10, PORT_AT, 'port');
    p.mov(R0, ALLOW);
    p.jump('ge', R1, LOW_PORTS_END, 'done');
    p.mov(R0, ALLOW_LOW, 'no capability is asked for');
    p.goto('done');
  }

  #setOption(level: number, name: number, value: number): void {
    const p = this.#p;
    p.store('u32', R10, KEY, value);
    p.mov(R1, R6);
    p.mov(R2, level);
    p.mov(R3, name);
    this.#pointer(R4, KEY);
    p.mov(R5, 4);
    p.call('setsockopt');
  }

  /** BIND: only who asks for all addresses gets the one of the rule; the flags are in r8. */
  #rewrite(): void {
    const p = this.#p;
    const address = RULE.fields.address.offset;
    if (this.#family === 4) {
      p.mov(R1, R8);
      p.and(R1, FLAG.bind4);
      p.jump('eq', R1, 0, 'options');
      p.load('u32', R1, R6, CONTEXT.ip4, 'address');
      p.jump('ne', R1, 0, 'options');
      p.load('u32', R1, R9, address);
      p.store('u32', R6, CONTEXT.ip4, R1);
      return;
    }
    p.mov(R1, R8);
    p.and(R1, FLAG.bind4 | FLAG.bind6);
    p.jump('eq', R1, 0, 'options');
    for (const word of [0, 1, 3]) {
      p.load('u32', R1, R6, CONTEXT.ip6 + word * 4, 'address');
      p.jump('ne', R1, 0, 'options');
    }
    p.load('u32', R2, R6, CONTEXT.ip6 + 8, 'address');
    p.jump('eq', R2, 0, 'wildcard');
    p.mov(R3, 0xffff);
    p.swap('be32', R3, '::ffff:0.0.0.0');
    p.jump('ne', R2, R3, 'options');
    p.mov(R1, R8);
    p.and(R1, FLAG.bind4);
    p.jump('eq', R1, 0, 'options', 'an IPv6 address is nothing for IPv4');
    p.label('wildcard');
    p.mov(R1, R8);
    p.and(R1, FLAG.bind4);
    p.jump('ne', R1, 0, 'mapped');
    for (const word of [0, 1, 2, 3]) {
      p.load('u32', R1, R9, address + word * 4);
      p.store('u32', R6, CONTEXT.ip6 + word * 4, R1);
    }
    p.goto('options');
    p.label('mapped');
    p.mov(R1, 0xffff);
    p.swap('be32', R1);
    p.store('u32', R6, CONTEXT.ip6 + 8, R1);
    p.load('u32', R1, R9, address);
    p.store('u32', R6, CONTEXT.ip6 + 12, R1);
  }

  #deny(refusal: Refusal): void {
    this.#p.store('u32', R10, REFUSAL_AT, REFUSALS.indexOf(refusal), refusal);
    this.#p.goto('refuse');
  }

  /** Counts and tells a refusal; in enforce mode bind(2) fails with the errno. */
  #refuse(): void {
    const p = this.#p;
    p.label('refuse');
    p.load('u32', R8, R10, REFUSAL_AT, 'refusal');
    p.add(R8, COUNTERS.indexOf(REFUSALS[0]));
    p.store('u32', R10, KEY, R8);
    this.#countKey();
    p.load('u32', R8, R7, SETTINGS.fields.errno.offset, 'errno');
    p.load('u32', R9, R10, PORT_AT, 'port');
    p.jump('lt', R9, RESVPORT_START, 'tell');
    p.jump('ge', R9, LOW_PORTS_END, 'tell');
    p.load('u32', R8, R7, SETTINGS.fields.errnoLow.offset, 'errnoLow');
    p.label('tell');
    this.#tell();
    p.load('u32', R1, R10, MODE_AT, 'mode');
    p.jump('ne', R1, MODE.enforce, 'pass', 'only observed');
    p.neg(R8);
    p.mov(R1, R8);
    p.call('set_retval');
    p.mov(R0, DENY);
    p.goto('done');
  }

  /** Writes the event with the errno in r8 and the port in r9. */
  #tell(): void {
    const p = this.#p;
    const { fields } = EVENT;
    for (let at = 0; at < EVENT.bytes; at += 8) p.store('u64', R10, EVENT_AT + at, 0);
    p.call('ktime_get_boot_ns');
    p.storeField(R10, fields.time, R0, EVENT_AT);
    p.call('get_current_cgroup_id');
    p.storeField(R10, fields.cgroup, R0, EVENT_AT);
    p.load('u64', R1, R10, NETNS_AT);
    p.storeField(R10, fields.netns, R1, EVENT_AT);
    p.call('get_current_pid_tgid');
    p.rsh(R0, 32, 'the process');
    p.storeField(R10, fields.pid, R0, EVENT_AT);
    p.call('get_current_uid_gid');
    p.storeField(R10, fields.uid, R0, EVENT_AT);
    p.rsh(R0, 32);
    p.storeField(R10, fields.gid, R0, EVENT_AT);
    const copies = [
      [REFUSAL_AT, fields.refusal],
      [MODE_AT, fields.mode],
      [PROTOCOL, fields.protocol],
    ] as const;
    for (const [at, field] of copies) {
      p.load('u32', R1, R10, at);
      p.storeField(R10, field, R1, EVENT_AT);
    }
    p.load('u32', R1, R7, SETTINGS.fields.revision.offset, 'revision');
    p.storeField(R10, fields.revision, R1, EVENT_AT);
    p.storeField(R10, fields.port, R9, EVENT_AT);
    p.storeField(R10, fields.errno, R8, EVENT_AT);
    p.store('u32', R10, EVENT_AT + fields.family.offset, this.#family === 4 ? AF_INET : AF_INET6);
    for (const word of this.#family === 4 ? [0] : [0, 1, 2, 3]) {
      const at = this.#family === 4 ? CONTEXT.ip4 : CONTEXT.ip6 + word * 4;
      p.load('u32', R1, R6, at, 'address');
      p.store('u32', R10, EVENT_AT + fields.address.offset + word * 4, R1);
    }
    this.#pointer(R1, EVENT_AT + fields.command.offset);
    p.mov(R2, fields.command.bytes);
    p.call('get_current_comm');
    p.loadMap(R1, 'events');
    this.#pointer(R2, EVENT_AT);
    p.mov(R3, EVENT.bytes);
    p.mov(R4, 0);
    p.call('ringbuf_output');
    p.jump('eq', R0, 0, 'told');
    this.#count('lost');
    p.label('told');
  }

  #end(): void {
    const p = this.#p;
    p.label('judged');
    this.#count('judged');
    p.label('pass');
    p.mov(R0, ALLOW);
    p.label('done');
    p.exit();
  }

  #count(counter: (typeof COUNTERS)[number]): void {
    this.#p.store('u32', R10, KEY, COUNTERS.indexOf(counter), counter);
    this.#countKey();
  }

  /** Adds one to the counter whose index stands at KEY. */
  #countKey(): void {
    const p = this.#p;
    const done = this.#label('counted');
    p.loadMap(R1, 'counters');
    this.#pointer(R2, KEY);
    p.call('map_lookup_elem');
    p.jump('eq', R0, 0, done);
    p.load('u64', R1, R0, 0);
    p.add(R1, 1);
    p.store('u64', R0, 0, R1);
    p.label(done);
  }

  /** r0 = the value of the set's map for the key at `key`; goes to `missing` where there is none. */
  #lookupInner(map: string, key: number, missing: string): void {
    const p = this.#p;
    p.loadMap(R1, map);
    this.#pointer(R2, SLOT);
    p.call('map_lookup_elem');
    p.jump('eq', R0, 0, missing);
    p.mov(R1, R0);
    this.#pointer(R2, key);
    p.call('map_lookup_elem');
    p.jump('eq', R0, 0, missing);
  }

  /** r0 = the value of the map in a register for the key at `key`, or 0. */
  #lookupIn(map: typeof R8, key: number): void {
    this.#p.mov(R1, map);
    this.#pointer(R2, key);
    this.#p.call('map_lookup_elem');
  }

  #pointer(dst: typeof R2 | typeof R1 | typeof R4, at: number): void {
    this.#p.mov(dst, R10);
    this.#p.add(dst, at);
  }
}
