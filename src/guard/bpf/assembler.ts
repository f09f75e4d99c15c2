// What all parts of the guard's programs do: where they keep things, how they look things up, refuse and count.
import { Assembler } from '../../bpf/assembler.ts';
import { R0, R1, R2, R7, R10, type Register } from '../../bpf/instruction.ts';
import { COUNTERS, EVENT, JOB, REFUSALS, type Refusal } from './layout.ts';

/** <linux/in.h>; MPTCP binds for TCP. */
export const IPPROTO_TCP = 6;
export const IPPROTO_UDP = 17;
export const IPPROTO_MPTCP = 262;

/** The frame: where what is kept stands below the frame pointer. */
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
/** The cgroup by which the job was found; 0 where it was not by one. */
export const JOB_CGROUP_AT = -64;
export const JOB_AT = JOB_CGROUP_AT - JOB.bytes;
export const EVENT_AT = JOB_AT - EVENT.bytes;

/** The family of the sockets that a program judges. */
export type Family = 4 | 6;

/** The assembler of a guard's program. All along r6 is the context, and r7 the settings of the set in force. */
export class GuardAssembler extends Assembler {
  readonly family: Family;
  #labels = 0;

  constructor(family: Family) {
    super(`portreeve_bind${family}`);
    this.family = family;
  }

  /** A label that no other is called as. */
  unique(name: string): string {
    return `${name} ${++this.#labels}`;
  }

  /** Refuses, and says why. */
  deny(refusal: Refusal): void {
    this.store('u32', R10, REFUSAL_AT, REFUSALS.indexOf(refusal), refusal);
    this.goto('refuse');
  }

  count(counter: (typeof COUNTERS)[number]): void {
    this.store('u32', R10, KEY, COUNTERS.indexOf(counter), counter);
    this.countKey();
  }

  /** Adds one to the counter whose index stands at KEY. */
  countKey(): void {
    const done = this.unique('counted');
    this.loadMap(R1, 'counters');
    this.pointer(R2, KEY);
    this.call('map_lookup_elem');
    this.jump('eq', R0, 0, done);
    // Each processor counts for itself, and may be taken from one bind to another in the middle of it.
    this.mov(R1, 1);
    this.atomicAdd('u64', R0, 0, R1);
    this.label(done);
  }

  /** dst = one of two settings. */
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

  /** r0 = the value of the set's map for the key at `key`; goes to `missing` where there is none. */
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

  /** r0 = the value of the map in a register for the key at `key`, or 0. */
  lookupIn(map: Register, key: number): void {
    this.mov(R1, map);
    this.pointer(R2, key);
    this.call('map_lookup_elem');
  }

  /** dst = the address of what stands in the frame. */
  pointer(dst: Register, at: number): void {
    this.mov(dst, R10);
    this.add(dst, at);
  }
}
