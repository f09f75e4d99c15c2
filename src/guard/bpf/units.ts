// The programs that assign jobs to units in the kernel, at the moment in which a unit's cgroup is created.
//
// The programs in this file are licensed under the Apache License 2.0 or, at your option, the MIT license or the GPL
// 2.0: the kernel permits only GPL-compatible programs to read a string (docs/decisions/0014).
import { CGROUP_RECORD, UNIFIED_HIERARCHY } from '../../base/cgroup-record.ts';
import { JOB_NAME_MAX_CHARACTERS } from '../../base/limits.ts';
import { exactNumber } from '../../base/numbers.ts';
import { readName } from '../../base/unit.ts';
import { Assembler } from '../../bpf/assembler.ts';
import { R0, R1, R2, R3, R4, R6, R7, R8, R9, R10 } from '../../bpf/instruction.ts';
import type { Program } from '../../bpf/program.ts';
import {
  CGROUP_FILTER,
  CONFIG,
  SETTINGS,
  SLOT_BYTES,
  SLOTS,
  UNIT_NAME_BYTES,
  UNIT_TEXT_BYTES,
} from './layout.ts';

/** The path directly follows the fields of fixed length. */
const PATH_AT = CGROUP_RECORD.path + 4;

/** The stack frame. */
const ID_AT = -8;
const SLOT_AT = -12;
const KEY_AT = -16;

/** The map `scratch`: data about a path, and the path, preceded by readable bytes. */
const START_AT = 0;
const END_AT = 8;
const NAME_AT = 16;
const TEMPLATE_AT = NAME_AT + UNIT_NAME_BYTES;
const TEXT_AT = TEMPLATE_AT + UNIT_NAME_BYTES;

/** The longest path that is read. For a unit with a longer one, the daemon assigns the job. */
const TEXT_MAX = UNIT_TEXT_BYTES - 1;

export const SCRATCH_BYTES = TEXT_AT + UNIT_TEXT_BYTES + UNIT_NAME_BYTES + 8;

const SLASH = 0x2f;
const AT_SIGN = 0x40;

/** The number that a load of a text of up to eight characters yields. */
function asNumber(text: string): bigint {
  return [...text].reduceRight((sum, character) => (sum << 8n) | BigInt(character.charCodeAt(0)), 0n);
}

const numberOf = (text: string): number => exactNumber(asNumber(text));

/** The characters of job names: a bit for each of the 64 characters from the space on. */
const FIRST_CHARACTER = 0x20;
const NAME_CHARACTERS = Array.from({ length: 64 }, (_, i) => String.fromCharCode(FIRST_CHARACTER + i)).reduce(
  (bits, character, i) => ('name' in readName(character) ? bits | (1n << BigInt(i)) : bits),
  0n,
);

/**
 * Called when a cgroup is created, before any process can be in it. If it belongs to a unit of the system manager (see
 * unitOfPath() in base/unit.ts) whose name is in the map `units` of a set of tables, it gets that job in that set.
 */
export function mkdirProgram(): Program {
  const p = new Assembler('portreeve_mkdir');
  p.mov(R6, R1, 'the record');
  onlyUnified(p, R6);
  p.call('get_current_uid_gid');
  p.jump32('ne', R0, 0, 'out', 'root creates units');
  copyPath(p);
  findComponents(p);
  findSuffix(p);
  copyName(p);
  copyTemplate(p);
  p.load('u64', R1, R6, CGROUP_RECORD.id, 'id');
  p.store('u64', R10, ID_AT, R1);
  for (let slot = 0; slot < SLOTS; slot++) nameIn(p, slot);
  p.label('out');
  p.mov(R0, 0);
  p.exit();
  return p.assemble();
}

/** Called when a cgroup is removed: deletes its entries. */
export function rmdirProgram(): Program {
  const p = new Assembler('portreeve_rmdir');
  onlyUnified(p, R1);
  p.load('u64', R1, R1, CGROUP_RECORD.id, 'id');
  p.store('u64', R10, ID_AT, R1);
  for (let slot = 0; slot < SLOTS; slot++) {
    const next = `next ${slot}`;
    lookupSlot(p, 'cgroups', slot, next);
    p.mov(R1, R0);
    pointer(p, R2, ID_AT);
    p.call('map_delete_elem');
    p.label(next);
  }
  p.label('out');
  p.mov(R0, 0);
  p.exit();
  return p.assemble();
}

/** The program is also called for hierarchies of version 1, whose cgroups can have the same numbers. */
function onlyUnified(p: Assembler, record: typeof R1 | typeof R6): void {
  p.load('u32', R2, record, CGROUP_RECORD.root, 'root');
  p.jump('ne', R2, UNIFIED_HIERARCHY, 'out');
}

/** Copies the path to the scratch memory: a program can read only the fixed-length fields of a record directly. */
function copyPath(p: Assembler): void {
  p.store('u32', R10, KEY_AT, 0);
  p.loadMap(R1, 'scratch');
  pointer(p, R2, KEY_AT);
  p.call('map_lookup_elem');
  p.jump('eq', R0, 0, 'out');
  p.mov(R7, R0, 'the scratch memory');
  p.load('u32', R1, R6, CGROUP_RECORD.path, 'length << 16 | offset');
  p.and(R1, 0xffff);
  p.jump('ne', R1, PATH_AT, 'out');
  p.mov(R1, R7);
  p.add(R1, TEXT_AT);
  p.mov(R2, UNIT_TEXT_BYTES);
  p.mov(R3, R6);
  p.add(R3, PATH_AT);
  p.call('probe_read_kernel_str');
  p.jump('slt', R0, 0, 'out');
  for (let at = 0; at < UNIT_NAME_BYTES; at += 8) {
    p.store('u64', R7, NAME_AT + at, 0);
    p.store('u64', R7, TEMPLATE_AT + at, 0);
  }
}

/**
 * Walks through the path: every component except the last must be a slice, and none may be `user.slice`. The results
 * are kept in memory, so that the verifier need not distinguish the characters at which they were found.
 */
function findComponents(p: Assembler): void {
  p.store('u64', R7, START_AT, 0);
  p.mov(R8, 0, 'the character');
  p.label('next character');
  p.mov(R1, R7);
  p.add(R1, R8);
  p.load('u8', R2, R1, TEXT_AT);
  p.jump('eq', R2, 0, 'path ends');
  p.jump('ne', R2, SLASH, 'continue');
  p.jump('eq', R8, 0, 'component begins');
  p.load('u32', R2, R1, TEXT_AT - 6);
  p.jump('ne', R2, numberOf('.sli'), 'out', 'not a slice');
  p.load('u16', R2, R1, TEXT_AT - 2);
  p.jump('ne', R2, numberOf('ce'), 'out');
  p.load('u32', R2, R1, TEXT_AT - 11);
  p.jump('ne', R2, numberOf('/use'), 'component begins');
  p.load('u8', R2, R1, TEXT_AT - 7);
  p.jump('eq', R2, numberOf('r'), 'out', '/user.slice');
  p.label('component begins');
  p.mov(R3, R8);
  p.add(R3, 1);
  p.store('u64', R7, START_AT, R3);
  p.label('continue');
  p.add(R8, 1);
  p.jump('lt', R8, TEXT_MAX, 'next character');
  p.goto('out', 'too long');
  p.label('path ends');
  p.store('u64', R7, END_AT, R8);
}

/** Only services and sockets have ports. The end becomes that of the name without the suffix. */
function findSuffix(p: Assembler): void {
  p.load('u64', R9, R7, END_AT, 'the end');
  p.jump('gt', R9, TEXT_MAX, 'out');
  p.mov(R1, R7);
  p.add(R1, R9);
  p.load('u64', R2, R1, TEXT_AT - 8, 'the last eight characters');
  p.loadImmediate(R3, asNumber('.service'));
  p.jump('eq', R2, R3, 'service');
  p.rsh(R2, 8);
  p.loadImmediate(R3, asNumber('.socket'));
  p.jump('ne', R2, R3, 'out');
  p.sub(R9, '.socket'.length);
  p.goto('unit');
  p.label('service');
  p.sub(R9, '.service'.length);
  p.label('unit');
  p.store('u64', R7, END_AT, R9);
}

/** Copies the unit's name in uppercase, with its suffix. If it cannot be a job's name, neither can its template. */
function copyName(p: Assembler): void {
  p.load('u64', R8, R7, START_AT, 'where it begins');
  p.jump('ge', R8, TEXT_MAX, 'out');
  p.mov(R1, R7);
  p.add(R1, R8);
  p.load('u8', R2, R1, TEXT_AT);
  p.jump('ne', R2, '_'.charCodeAt(0), 'copy');
  p.add(R8, 1, 'the manager escapes names of kernel files');
  p.label('copy');
  p.load('u64', R9, R7, END_AT);
  p.sub(R9, R8, 'its length');
  p.jump('gt', R9, JOB_NAME_MAX_CHARACTERS, 'out', 'too long for a job');
  p.mov(R9, 0);
  p.label('next of name');
  p.mov(R1, R7);
  p.add(R1, R8);
  p.add(R1, R9);
  p.load('u8', R2, R1, TEXT_AT);
  p.jump('eq', R2, 0, 'name ends');
  p.jump('lt', R2, 'a'.charCodeAt(0), 'capital');
  p.jump('gt', R2, 'z'.charCodeAt(0), 'capital');
  p.sub(R2, 0x20);
  p.label('capital');
  p.mov(R3, R2);
  p.sub(R3, FIRST_CHARACTER);
  p.jump('gt', R3, 63, 'out');
  p.loadImmediate(R4, NAME_CHARACTERS);
  p.rsh(R4, R3);
  p.and(R4, 1);
  p.jump('eq', R4, 0, 'out', 'not in a job name');
  p.mov(R1, R7);
  p.add(R1, R9);
  p.store('u8', R1, NAME_AT, R2);
  p.add(R9, 1);
  p.jump('lt', R9, UNIT_NAME_BYTES, 'next of name');
  p.label('name ends');
}

/** Copies the key for all instances of a template: the name up to and including the "@". */
function copyTemplate(p: Assembler): void {
  p.mov(R9, 0);
  p.label('next of template');
  p.mov(R1, R7);
  p.add(R1, R9);
  p.load('u8', R2, R1, NAME_AT);
  p.jump('eq', R2, 0, 'no template');
  p.store('u8', R1, TEMPLATE_AT, R2);
  p.jump('eq', R2, AT_SIGN, 'template ends');
  p.add(R9, 1);
  p.jump('lt', R9, UNIT_NAME_BYTES, 'next of template');
  p.label('no template');
  p.store('u64', R7, TEMPLATE_AT, 0, 'no name starts with 0');
  p.label('template ends');
}

/** If the unit, or otherwise its template, is in a set of tables, the cgroup gets that job in that set. */
function nameIn(p: Assembler, slot: number): void {
  const next = `next ${slot}`;
  const found = `found ${slot}`;
  lookupSlot(p, 'units', slot, next);
  p.mov(R8, R0, 'the units');
  for (const at of [NAME_AT, TEMPLATE_AT]) {
    p.mov(R1, R8);
    p.mov(R2, R7);
    p.add(R2, at);
    p.call('map_lookup_elem');
    p.jump('ne', R0, 0, found);
  }
  p.goto(next);
  p.label(found);
  p.mov(R9, R0, 'the job');
  lookupSlot(p, 'cgroups', slot, next);
  p.mov(R1, R0);
  pointer(p, R2, ID_AT);
  p.mov(R3, R9);
  p.mov(R4, 0);
  p.call('map_update_elem');
  setFilter(p, slot);
  p.label(next);
}

/** Sets the bit by which the programs at bind(2) recognize that the cgroup may have a job. */
function setFilter(p: Assembler, slot: number): void {
  p.load('u64', R1, R10, ID_AT);
  p.loadImmediate(R2, CGROUP_FILTER.factor);
  p.mul(R1, R2);
  p.rsh(R1, CGROUP_FILTER.shift, 'the bit');
  p.mov(R2, R1);
  p.rsh(R2, 6);
  p.lsh(R2, 3);
  p.loadMapValue(R3, 'config', 0);
  p.add(R3, R2);
  p.and(R1, 63);
  p.mov(R2, 1);
  p.lsh(R2, R1);
  p.atomicOr(R3, CONFIG.bytes + slot * SLOT_BYTES + SETTINGS.bytes, R2);
}

/** r0 = the inner map of a set of tables. */
function lookupSlot(p: Assembler, map: string, slot: number, missing: string): void {
  p.store('u32', R10, SLOT_AT, slot);
  p.loadMap(R1, map);
  pointer(p, R2, SLOT_AT);
  p.call('map_lookup_elem');
  p.jump('eq', R0, 0, missing);
}

function pointer(p: Assembler, dst: typeof R2, at: number): void {
  p.mov(dst, R10);
  p.add(dst, at);
}
