// The programs that judge bind(2) in the kernel, one for IPv4 sockets and one for IPv6. They implement decide().
import { LOW_PORTS_END } from '../../base/port.ts';
import { SOCK_ADDR } from '../../bpf/context.ts';
import { R0, R1, R2, R3, R6, R7, R8, R9, R10 } from '../../bpf/instruction.ts';
import type { Program } from '../../bpf/program.ts';
import {
  type Family,
  GuardAssembler,
  IPPROTO_MPTCP,
  IPPROTO_TCP,
  IPPROTO_UDP,
  JOB_AT,
  JOB_CGROUP_AT,
  MODE_AT,
  NETNS_AT,
  PORT_AT,
  PROTOCOL,
  RULE_AT,
  SLOT,
} from './assembler.ts';
import { checkSaf, findJob } from './identity.ts';
import {
  CONFIG,
  JOB,
  LOW_PORTS,
  MATCH,
  MODE,
  ONLY_NAME,
  PORT,
  RULE,
  RULES_PER_PORT_MAX,
  SETTINGS,
  SLOT_BYTES,
  USE,
} from './layout.ts';
import { end, grant, refuse, setGeneralAcks } from './outcome.ts';

/** The offset of `tcpAcks` of the first set of tables in the map `config`. */
const TCP_ACKS_AT = CONFIG.bytes + SETTINGS.fields.tcpAcks.offset;

/** The program for sockets of a family. It is the same at each call. */
export function bindProgram(family: Family): Program {
  const p = new GuardAssembler(family);
  begin(p);
  chooseTables(p);
  findRule(p);
  findJob(p);
  judgeUnreserved(p);
  judgeReserved(p);
  anyPort(p);
  grant(p);
  refuse(p);
  end(p);
  return p.assemble();
}

/** Checks whether to judge at all: mode, namespace, port, protocol. */
function begin(p: GuardAssembler): void {
  p.mov(R6, R1, 'the context');
  p.loadMapValue(R7, 'config', 0);
  p.load('u32', R1, R7, CONFIG.fields.mode.offset, 'mode');
  p.jump('eq', R1, MODE.off, 'pass');
  p.store('u32', R10, MODE_AT, R1);
  p.load('u32', R9, R6, SOCK_ADDR.fields.user_port.offset, 'port');
  p.swap('be16', R9);
  p.jump('ne', R9, 0, 'requested');
  // Port 0 is not judged: there is nothing to do unless TCPCONFIG has an acknowledgment option.
  p.load('u32', R1, R7, TCP_ACKS_AT, 'tcpAcks');
  p.load('u32', R2, R7, SLOT_BYTES + TCP_ACKS_AT, 'tcpAcks');
  p.or(R1, R2);
  p.jump('eq', R1, 0, 'pass');
  p.label('requested');
  p.store('u32', R10, PORT_AT, R9);
  p.load('u32', R1, R6, SOCK_ADDR.fields.protocol.offset, 'protocol');
  p.jump('eq', R1, IPPROTO_TCP, 'tcp');
  p.jump('eq', R1, IPPROTO_MPTCP, 'tcp');
  p.jump('ne', R1, IPPROTO_UDP, 'pass', 'neither TCP nor UDP');
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
  p.pointer(R2, NETNS_AT);
  p.call('map_lookup_elem');
  p.jump('eq', R0, 0, 'pass', 'a namespace that is not covered');
}

/** Sets r7 to the settings of the set in force: after the deadline of a trial, the previous set. */
function chooseTables(p: GuardAssembler): void {
  p.label('set');
  p.load('u32', R8, R7, CONFIG.fields.slot.offset, 'slot');
  p.load('u64', R1, R7, CONFIG.fields.deadline.offset, 'deadline');
  p.jump('eq', R1, 0, 'tables');
  p.call('ktime_get_boot_ns');
  p.load('u64', R1, R7, CONFIG.fields.deadline.offset, 'deadline');
  p.jump('eq', R1, 0, 'tables', 'just confirmed');
  p.jump('le', R0, R1, 'tables');
  p.load('u32', R8, R7, CONFIG.fields.previousSlot.offset, 'previousSlot');
  p.label('tables');
  p.and(R8, 1);
  p.store('u32', R10, SLOT, R8);
  p.mul(R8, SLOT_BYTES);
  p.add(R7, R8);
  p.add(R7, CONFIG.bytes, 'the settings');
  p.jump('eq', R9, 0, 'any port');
}

/** Port 0: applies only the acknowledgment option of TCPCONFIG. */
function anyPort(p: GuardAssembler): void {
  p.label('any port');
  setGeneralAcks(p, 'pass');
}

/** Finds the first rule of the port, in one lookup for any number of reservations. */
function findRule(p: GuardAssembler): void {
  p.lookupInner('ports', PORT_AT, 'pass');
  p.load('u32', R1, R10, PROTOCOL, 'protocol');
  p.load('u32', R8, R0, PORT.fields.udp.offset, 'udp');
  p.jump('eq', R1, IPPROTO_UDP, 'rule');
  p.load('u32', R8, R0, PORT.fields.tcp.offset, 'tcp');
  p.label('rule');
  p.store('u32', R10, RULE_AT, R8);
  p.jump('ne', R8, 0, 'job');
  p.jump('ge', R9, LOW_PORTS_END, 'unreserved');
  p.loadByProtocol(R1, SETTINGS.fields.tcpLowPorts.offset, SETTINGS.fields.udpLowPorts.offset);
  p.jump('ne', R1, LOW_PORTS.restricted, 'unreserved');
  // Below this port, Linux itself checks the capability, which BPF programs cannot see.
  p.load('u32', R1, R7, SETTINGS.fields.unprivilegedStart.offset, 'unprivilegedStart');
  p.jump('lt', R9, R1, 'unreserved allowed');
  p.call('get_current_uid_gid');
  p.jump32('eq', R0, 0, 'unreserved allowed');
  p.call('get_current_cgroup_id');
  p.store('u64', R10, JOB_CGROUP_AT, R0, 'the job does not matter');
  p.deny('LOW_PORT_RESTRICTED');
  p.label('unreserved');
  p.loadByProtocol(R1, SETTINGS.fields.hasUnreservedTcp.offset, SETTINGS.fields.hasUnreservedUdp.offset);
  p.jump('eq', R1, 0, 'unreserved allowed');
}

/** Judges a port that is not reserved, where there are entries of UNRSV. */
function judgeUnreserved(p: GuardAssembler): void {
  p.load('u32', R1, R10, PROTOCOL, 'protocol');
  p.loadField(R8, R10, JOB.fields.unreservedUdp, JOB_AT);
  p.jump('eq', R1, IPPROTO_UDP, 'entry');
  p.loadField(R8, R10, JOB.fields.unreservedTcp, JOB_AT);
  p.label('entry');
  p.jump('ne', R8, 0, 'entry found');
  p.deny('UNRESERVED_FOR_OTHERS');
  p.label('entry found');
  p.store('u32', R10, RULE_AT, R8);
  p.lookupInner('rules', RULE_AT, 'pass');
  p.mov(R9, R0, 'the entry');
  p.loadField(R1, R9, RULE.fields.use);
  p.jump('ne', R1, USE.unreservedDenied, 'entry allows');
  p.deny('UNRESERVED_DENIED');
  p.label('entry allows');
  checkSaf(p, 'unreserved allowed');
  p.label('unreserved allowed');
  setGeneralAcks(p, 'unreserved low');
  p.label('unreserved low');
  p.loadByProtocol(R1, SETTINGS.fields.tcpLowPorts.offset, SETTINGS.fields.udpLowPorts.offset);
  p.jump('ne', R1, LOW_PORTS.unrestricted, 'judged');
  p.goto('grant low');
}

/** Judges a reserved port: the first rule that matches the job decides. */
function judgeReserved(p: GuardAssembler): void {
  p.label('reserved');
  p.jump32('set', R8, ONLY_NAME, 'only a name');
  p.mov(R8, RULES_PER_PORT_MAX, 'the maximum number of rules');
  p.label('next rule');
  p.lookupInner('rules', RULE_AT, 'pass');
  p.mov(R9, R0, 'the rule');
  p.loadField(R1, R9, RULE.fields.use);
  p.jump('eq', R1, USE.noOne, 'for no one');
  p.loadField(R1, R9, RULE.fields.match);
  p.loadField(R2, R9, RULE.fields.id);
  p.jump('eq', R1, MATCH.any, 'matched');
  p.jump('ne', R1, MATCH.known, 'match name');
  p.loadField(R3, R10, JOB.fields.isKnown, JOB_AT);
  p.jump('ne', R3, 0, 'matched');
  p.goto('not matched');
  p.label('match name');
  p.jump('ne', R1, MATCH.name, 'match wildcard');
  jumpIfNamed(p, R2, 'matched');
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
  p.goto('for others');
  p.label('only a name');
  p.and32(R8, ONLY_NAME - 1, 'the name');
  p.jump('eq', R8, 0, 'for no one');
  jumpIfNamed(p, R8, 'grant low');
  p.label('for others');
  p.deny('RESERVED_FOR_OTHERS');
  p.label('for no one');
  p.deny('RESERVED_FOR_NO_ONE');
  p.label('matched');
  checkSaf(p, 'granted');
}

/** Jumps to the label if the name in a register is one of the job's. */
function jumpIfNamed(p: GuardAssembler, name: typeof R2 | typeof R8, label: string): void {
  const { name0, name1, name2, name3 } = JOB.fields;
  for (const field of [name0, name1, name2, name3]) {
    p.loadField(R3, R10, field, JOB_AT);
    p.jump('eq', name, R3, label);
  }
}
