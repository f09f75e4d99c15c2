// The parts of the guard's programs that identify the caller: its job, and whether SAF permits its user.

import { R0, R1, R2, R7, R8, R9, R10 } from '../../bpf/instruction.ts';
import {
  FOUND_AT,
  type GuardAssembler,
  JOB_AT,
  JOB_CGROUP_AT,
  KEY,
  OWN_AT,
  RULE_AT,
  SLOT,
} from './assembler.ts';
import { ANYONE, CGROUP_FILTER, FLAG, JOB, PERMIT_KEY, RULE, SETTINGS } from './layout.ts';

/** The caller's ancestor cgroups are looked up to this level below the root; its own cgroup at any level. */
const CGROUP_LEVELS = 8;

/** Finds the caller's job: by its cgroup or the deepest ancestor that has one, else by its uid, else UNKNOWN. */
export function findJob(p: GuardAssembler): void {
  p.label('job');
  p.loadMap(R1, 'cgroups');
  p.pointer(R2, SLOT);
  p.call('map_lookup_elem');
  p.jump('eq', R0, 0, 'by user');
  p.mov(R8, R0, 'the jobs by cgroup');
  p.loadImmediate(R9, CGROUP_FILTER.factor);
  p.call('get_current_cgroup_id');
  p.store('u64', R10, OWN_AT, R0);
  lookupCgroup(p, () => p.goto('job found'));
  p.store('u64', R10, FOUND_AT, 0);
  for (let level = 1; level <= CGROUP_LEVELS; level++) {
    p.mov(R1, level);
    p.call('get_current_ancestor_cgroup_id');
    p.jump('eq', R0, 0, 'all levels');
    p.load('u64', R1, R10, OWN_AT);
    p.jump('eq', R0, R1, 'all levels', 'its own again');
    lookupCgroup(p, () => p.store('u64', R10, FOUND_AT, R0));
  }
  p.label('all levels');
  p.load('u64', R0, R10, FOUND_AT, 'the deepest');
  p.jump('ne', R0, 0, 'job found');
  p.label('by user');
  p.store('u64', R10, JOB_CGROUP_AT, 0);
  p.call('get_current_uid_gid');
  p.store('u32', R10, KEY, R0);
  p.lookupInner('users', KEY, 'unknown job');
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

/** If the cgroup in r0 has a job, sets r0 to it. The filter's factor is in r9, the jobs are in r8. */
function lookupCgroup(p: GuardAssembler, found: () => void): void {
  const next = p.unique('no job');
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
  p.lookupIn(R8, KEY);
  p.jump('eq', R0, 0, next);
  p.load('u64', R1, R10, KEY);
  p.store('u64', R10, JOB_CGROUP_AT, R1);
  found();
  p.label(next);
}

/** Jumps to `permitted` unless the rule in r9 has a SAF resource that the caller may not use. */
export function checkSaf(p: GuardAssembler, permitted: string): void {
  const known = p.unique('uid listed');
  const refused = p.unique('not permitted');
  p.loadField(R1, R9, RULE.fields.flags);
  p.and(R1, FLAG.saf);
  p.jump('eq', R1, 0, permitted);
  p.loadField(R1, R9, RULE.fields.saf);
  p.storeField(R10, PERMIT_KEY.fields.saf, R1, KEY);
  p.call('get_current_uid_gid');
  p.storeField(R10, PERMIT_KEY.fields.uid, R0, KEY);
  p.loadMap(R1, 'permits');
  p.pointer(R2, SLOT);
  p.call('map_lookup_elem');
  p.jump('eq', R0, 0, refused);
  p.mov(R8, R0, 'the permits');
  p.lookupIn(R8, KEY);
  p.jump('ne', R0, 0, known);
  p.mov32(R1, ANYONE - 2 ** 32);
  p.storeField(R10, PERMIT_KEY.fields.uid, R1, KEY);
  p.lookupIn(R8, KEY);
  p.jump('eq', R0, 0, refused);
  p.label(known);
  p.load('u32', R1, R0, 0, 'permitted');
  p.jump('ne', R1, 0, permitted);
  p.label(refused);
  p.deny('SAF_NOT_PERMITTED');
}
