// The assembler of the guard's programs: the stack frame, and common sequences (map lookups, refusals, counters).
import { Assembler } from '../../bpf/assembler.ts';
import { R0, R1, R2, R7, R10, type Register } from '../../bpf/instruction.ts';
import { COUNTERS, EVENT, JOB, REFUSALS, type Refusal } from './layout.ts';

/** <linux/in.h>; MPTCP binds for TCP. */
export const IPPROTO_TCP = 6;
export const IPPROTO_UDP = 17;
export const IPPROTO_MPTCP = 262;

/** The stack frame: offsets from the frame pointer. */
export const KEY = -8;
export const SLOT = -12;
export const PROTOCOL = -16;
export const MODE_AT = -20;
export const PORT_AT = -24;
export const RULE_AT = -28;
export const REFUSAL_AT = -32;
export const NETNS_AT = -40;
export const OWN_AT = -48;
export const FOUND_AT = -56;
/** The cgroup by which the job was found; 0 where it was found by user. */
export const JOB_CGROUP_AT = -64;
export const JOB_AT = JOB_CGROUP_AT - JOB.bytes;
export const EVENT_AT = JOB_AT - EVENT.bytes;

/** The family of the sockets that a program judges. */
export type Family = 4 | 6;

/** Throughout a program, r6 is the context, and r7 points to the settings of the set in force. */
export class GuardAssembler extends Assembler {
  readonly family: Family;
  #labels = 0;

  constructor(family: Family) {
    super(`portreeve_bind${family}`);
    this.family = family;
  }

  /** A unique label. */
  unique(name: string): string {
    return `${name} ${++this.#labels}`;
  }

  /** Refuses the bind with a reason. */
  deny(refusal: Refusal): void {
    this.store('u32', R10, REFUSAL_AT, REFUSALS.indexOf(refusal), refusal);
    this.goto('refuse');
  }

  count(counter: (typeof COUNTERS)[number]): void {
    this.store('u32', R10, KEY, COUNTERS.indexOf(counter), counter);
    this.countKey();
  }

  /** Increments the counter whose index is at KEY. */
  countKey(): void {
    const done = this.unique('counted');
    this.loadMap(R1, 'counters');
    this.pointer(R2, KEY);
    this.call('map_lookup_elem');
    this.jump('eq', R0, 0, done);
    // Atomic although each CPU has its own counter: another bind may interrupt this one on the same CPU.
    this.mov(R1, 1);
    this.atomicAdd('u64', R0, 0, R1);
    this.label(done);
  }

  /** dst = the setting for the protocol of the socket. */
  loadByProtocol(dst: Register, tcp: number, udp: number): void {
    const other = this.unique('udp');
    const done = this.unique('either');
    this.load('u32', dst, R10, PROTOCOL, 'protocol');
    this.jump('eq', dst, IPPROTO_UDP, other);
    this.load('u32', dst, R7, tcp);
    this.goto(done);
    this.label(other);
    this.load('u32', dst, R7, udp);
    this.label(done);
  }

  /** r0 = the value of the set's inner map for the key at `key`; jumps to `missing` where there is none. */
  lookupInner(map: string, key: number, missing: string): void {
    this.loadMap(R1, map);
    this.pointer(R2, SLOT);
    this.call('map_lookup_elem');
    this.jump('eq', R0, 0, missing);
    this.mov(R1, R0);
    this.pointer(R2, key);
    this.call('map_lookup_elem');
    this.jump('eq', R0, 0, missing);
  }

  /** r0 = the value for the key at `key` in the map in a register, or 0. */
  lookupIn(map: Register, key: number): void {
    this.mov(R1, map);
    this.pointer(R2, key);
    this.call('map_lookup_elem');
  }

  /** dst = an address in the stack frame. */
  pointer(dst: Register, at: number): void {
    this.mov(dst, R10);
    this.add(dst, at);
  }
}
