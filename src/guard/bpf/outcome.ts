// The parts of the guard's programs that carry out a verdict: a reservation's socket options, or an errno and an event.
import { LOW_PORTS_END } from '../../base/port.ts';
import { BIND_ANSWER, SOCK_ADDR } from '../../bpf/context.ts';
import { R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10 } from '../../bpf/instruction.ts';
import { AF_INET, AF_INET6 } from '../../wire/sockaddr.ts';
import {
  EVENT_AT,
  type GuardAssembler,
  IPPROTO_TCP,
  JOB_CGROUP_AT,
  KEY,
  MODE_AT,
  NETNS_AT,
  PORT_AT,
  PROTOCOL,
  REFUSAL_AT,
} from './assembler.ts';
import { COUNTERS, EVENT, FLAG, MODE, REFUSALS, RULE, SETTINGS } from './layout.ts';

/** MAX_ERRNO in include/linux/err.h, a mask of ones. */
const ERRNO_MAX = 4095;

/** bindresvport(3) tries low ports from here on, as long as bind(2) fails with EADDRINUSE. */
const RESVPORT_START = 512;

/** Options of bpf_setsockopt(): <asm-generic/socket.h>, <linux/tcp.h> and <linux/bpf.h>. */
const SOL_SOCKET = 1;
const SO_REUSEPORT = 15;
const TCP_BPF_DELACK_MAX = 1003;
/** DELAYACKS, in microseconds: the kernel's default, which is also its maximum. */
export const DELAY_US = 200_000;

const IP4 = SOCK_ADDR.fields.user_ip4.offset;
const IP6 = SOCK_ADDR.fields.user_ip6.offset;

/** Applies a reservation: address, sharing, acknowledgments, low port. In observe mode nothing is changed. */
export function grant(p: GuardAssembler): void {
  p.label('granted');
  p.load('u32', R1, R10, MODE_AT, 'mode');
  p.jump('ne', R1, MODE.enforce, 'judged');
  p.loadField(R8, R9, RULE.fields.flags);
  rewrite(p);
  p.label('options');
  p.mov(R1, R8);
  p.and(R1, FLAG.share);
  p.jump('eq', R1, 0, 'acks');
  p.store('u32', R10, KEY, 1);
  setOption(p, SOL_SOCKET, SO_REUSEPORT);
  p.label('acks');
  setAcks(p, 'grant low');
  p.label('grant low');
  p.load('u32', R1, R10, MODE_AT, 'mode');
  p.jump('ne', R1, MODE.enforce, 'judged');
  p.count('judged');
  p.mov(R0, BIND_ANSWER.privileged, 'no capability is required');
  p.goto('done');
}

/** Applies the acknowledgment option of TCPCONFIG, for a port that is not reserved; jumps to `next`. */
export function setGeneralAcks(p: GuardAssembler, next: string): void {
  p.load('u32', R8, R7, SETTINGS.fields.tcpAcks.offset, 'tcpAcks');
  p.jump('eq', R8, 0, next);
  p.load('u32', R1, R10, PROTOCOL, 'protocol');
  p.jump('ne', R1, IPPROTO_TCP, next);
  p.load('u32', R1, R10, MODE_AT, 'mode');
  p.jump('ne', R1, MODE.enforce, next);
  setAcks(p, next);
}

/** Sets the maximum delay of acknowledgments, by the flags in r8; jumps to `next`. */
function setAcks(p: GuardAssembler, next: string): void {
  const delayed = p.unique('delayed acks');
  const set = p.unique('set acks');
  p.mov(R1, R8);
  p.and(R1, FLAG.noDelayAcks);
  p.jump('eq', R1, 0, delayed);
  p.load('u32', R1, R7, SETTINGS.fields.noDelayUs.offset, 'noDelayUs');
  p.store('u32', R10, KEY, R1);
  p.goto(set);
  p.label(delayed);
  p.and(R8, FLAG.delayAcks);
  p.jump('eq', R8, 0, next);
  p.store('u32', R10, KEY, DELAY_US);
  p.label(set);
  setOption(p, IPPROTO_TCP, TCP_BPF_DELACK_MAX);
  p.goto(next);
}

/** Sets a socket option to the number at KEY. */
function setOption(p: GuardAssembler, level: number, name: number): void {
  p.mov(R1, R6);
  p.mov(R2, level);
  p.mov(R3, name);
  p.pointer(R4, KEY);
  p.mov(R5, 4);
  p.call('setsockopt');
}

/** BIND: replaces the wildcard address with the address of the rule. The flags are in r8. */
function rewrite(p: GuardAssembler): void {
  const address = RULE.fields.address.offset;
  if (p.family === 4) {
    p.mov(R1, R8);
    p.and(R1, FLAG.bind4);
    p.jump('eq', R1, 0, 'options');
    p.load('u32', R1, R6, IP4, 'address');
    p.jump('ne', R1, 0, 'options');
    p.load('u32', R1, R9, address);
    p.store('u32', R6, IP4, R1);
    return;
  }
  p.mov(R1, R8);
  p.and(R1, FLAG.bind4 | FLAG.bind6);
  p.jump('eq', R1, 0, 'options');
  for (const word of [0, 1, 3]) {
    p.load('u32', R1, R6, IP6 + word * 4, 'address');
    p.jump('ne', R1, 0, 'options');
  }
  p.load('u32', R2, R6, IP6 + 8, 'address');
  p.jump('eq', R2, 0, 'wildcard');
  p.mov(R3, 0xffff);
  p.swap('be32', R3, '::ffff:0.0.0.0');
  p.jump('ne', R2, R3, 'options');
  p.mov(R1, R8);
  p.and(R1, FLAG.bind4);
  p.jump('eq', R1, 0, 'options', 'an IPv4 socket cannot use an IPv6 address');
  p.label('wildcard');
  p.mov(R1, R8);
  p.and(R1, FLAG.bind4);
  p.jump('ne', R1, 0, 'mapped');
  for (const word of [0, 1, 2, 3]) {
    p.load('u32', R1, R9, address + word * 4);
    p.store('u32', R6, IP6 + word * 4, R1);
  }
  p.goto('options');
  p.label('mapped');
  p.mov(R1, 0xffff);
  p.swap('be32', R1);
  p.store('u32', R6, IP6 + 8, R1);
  p.load('u32', R1, R9, address);
  p.store('u32', R6, IP6 + 12, R1);
}

/** Counts and records a refusal; in enforce mode, bind(2) fails with the errno. */
export function refuse(p: GuardAssembler): void {
  p.label('refuse');
  p.load('u32', R8, R10, REFUSAL_AT, 'refusal');
  p.add(R8, COUNTERS.indexOf(REFUSALS[0]));
  p.store('u32', R10, KEY, R8);
  p.countKey();
  p.load('u32', R8, R7, SETTINGS.fields.errno.offset, 'errno');
  p.load('u32', R9, R10, PORT_AT, 'port');
  p.jump('lt', R9, RESVPORT_START, 'record');
  p.jump('ge', R9, LOW_PORTS_END, 'record');
  p.load('u32', R8, R7, SETTINGS.fields.errnoLow.offset, 'errnoLow');
  p.label('record');
  recordEvent(p);
  p.load('u32', R1, R10, MODE_AT, 'mode');
  p.jump('ne', R1, MODE.enforce, 'pass', 'only observed');
  // The verifier of newer kernels requires proof that the value is an errno.
  p.and(R8, ERRNO_MAX);
  p.mov(R1, 0);
  p.sub(R1, R8);
  p.call('set_retval');
  p.mov(R0, BIND_ANSWER.refuse);
  p.goto('done');
}

/** Writes the event with the errno in r8 and the port in r9. */
function recordEvent(p: GuardAssembler): void {
  const { fields } = EVENT;
  for (let at = 0; at < EVENT.bytes; at += 8) p.store('u64', R10, EVENT_AT + at, 0);
  p.call('ktime_get_boot_ns');
  p.storeField(R10, fields.time, R0, EVENT_AT);
  p.load('u64', R1, R10, JOB_CGROUP_AT);
  p.storeField(R10, fields.cgroup, R1, EVENT_AT);
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
  p.store('u32', R10, EVENT_AT + fields.family.offset, p.family === 4 ? AF_INET : AF_INET6);
  for (const word of p.family === 4 ? [0] : [0, 1, 2, 3]) {
    const at = p.family === 4 ? IP4 : IP6 + word * 4;
    p.load('u32', R1, R6, at, 'address');
    p.store('u32', R10, EVENT_AT + fields.address.offset + word * 4, R1);
  }
  p.pointer(R1, EVENT_AT + fields.command.offset);
  p.mov(R2, fields.command.bytes);
  p.call('get_current_comm');
  p.loadMap(R1, 'events');
  p.pointer(R2, EVENT_AT);
  p.mov(R3, EVENT.bytes);
  p.mov(R4, 0);
  p.call('ringbuf_output');
  p.jump('eq', R0, 0, 'recorded');
  p.count('lost');
  p.loadMap(R1, 'newest');
  p.pointer(R2, EVENT_AT + fields.time.offset);
  p.pointer(R3, EVENT_AT);
  p.mov(R4, 0);
  p.call('map_update_elem', 'replaces the oldest');
  p.label('recorded');
}

export function end(p: GuardAssembler): void {
  p.label('judged');
  p.count('judged');
  p.label('pass');
  p.mov(R0, BIND_ANSWER.allow);
  p.label('done');
  p.exit();
}
