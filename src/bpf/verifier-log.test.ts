// Tests of the summary of the verifier log, with recorded logs of Linux 6.18.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Assembler } from './assembler.ts';
import { R0, R1, R2, R6, R7, R10 } from './instruction.ts';
import { verifierSummary } from './verifier-log.ts';

interface Refusal {
  readonly write: (p: Assembler) => void;
  readonly log: string;
  readonly summary: string;
}

const PROCESSED =
  'processed 6 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0\n';

const REFUSALS: Readonly<Record<string, Refusal>> = {
  'a value that may be null': {
    write: (p) => {
      p.store('u32', R10, -4, 1);
      p.loadMap(R1, 't');
      p.mov(R2, R10);
      p.add(R2, -4);
      p.call('map_lookup_elem');
      p.load('u8', R1, R0, 0, 'first byte of the rule');
    },
    log: `0: R1=ctx() R10=fp0
0: (62) *(u32 *)(r10 -4) = 1          ; R10=fp0 fp-8=mmmm????
1: (18) r1 = 0xffff888140074c00       ; R1=map_ptr(map=t,ks=4,vs=8)
3: (bf) r2 = r10                      ; R2=fp0 R10=fp0
4: (07) r2 += -4                      ; R2=fp-4
5: (85) call bpf_map_lookup_elem#1    ; R0=map_value_or_null(id=1,map=t,ks=4,vs=8)
6: (71) r1 = *(u8 *)(r0 +0)
R0 invalid mem access 'map_value_or_null'
${PROCESSED}`,
    summary: "R0 invalid mem access 'map_value_or_null', at 6: r1 = *(u8 *)(r0 +0) ; first byte of the rule",
  },
  'an invalid return value': {
    write: (p) => {
      p.mov(R0, 4);
      p.exit('the answer');
    },
    log: `0: R1=ctx() R10=fp0
0: (b7) r0 = 4                        ; R0=4
1: (95) exit
At program exit the register R0 has smin=4 smax=4 should have been in [0, 3]
${PROCESSED}`,
    summary:
      'At program exit the register R0 has smin=4 smax=4 should have been in [0, 3], at 1: exit ; the answer',
  },
  'a register written on one path only': {
    write: (p) => {
      p.load('u32', R6, R1, 24);
      p.jump('eq', R6, 0, 'b');
      p.mov(R7, 1);
      p.label('b');
      p.mov(R0, R7);
    },
    log: `0: R1=ctx() R10=fp0
0: (61) r6 = *(u32 *)(r1 +24)         ; R1=ctx() R6=scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))
1: (15) if r6 == 0x0 goto pc+1 3: R1=ctx() R6=0 R10=fp0
3: (bf) r0 = r7
R7 !read_ok
${PROCESSED}`,
    summary: 'R7 !read_ok, at 3: r0 = r7',
  },
  'an infinite loop': {
    write: (p) => {
      p.mov(R0, 0);
      p.label('again');
      p.add(R0, 1);
      p.call('ktime_get_ns');
      p.jump('ne', R0, 5, 'again', 'until it is five');
    },
    log: `1: (07) r0 += 1                       ; R0=scalar()
2: (85) call bpf_ktime_get_ns#5
infinite loop detected at insn 3
cur state: R0=scalar() R10=fp0
old state: R0=scalar() R10=fp0
${PROCESSED}`,
    summary: 'infinite loop detected at insn 3, at 3: if r0 != 0x5 goto pc-3 <again> ; until it is five',
  },
  'unreachable code': {
    write: (p) => {
      p.goto('b');
      p.mov(R0, 1, 'never');
      p.label('b');
      p.exit();
    },
    log: `unreachable insn 1\n${PROCESSED}`,
    summary: 'unreachable insn 1, at 1: r0 = 1 ; never',
  },
  'no exit': {
    write: (p) => p.mov(R0, 1),
    log: `last insn is not an exit or jmp\n${PROCESSED}`,
    summary: 'last insn is not an exit or jmp',
  },
  'a log without an error': {
    write: (p) => p.exit(),
    log: PROCESSED,
    summary: 'the verifier gave no reason',
  },
};

for (const [name, { write, log, summary }] of Object.entries(REFUSALS)) {
  test(name, () => {
    const p = new Assembler('refused');
    write(p);
    assert.equal(verifierSummary(log, p.assemble()), summary);
  });
}

test('without the program, the instruction is that of the log', () => {
  const log = REFUSALS['a value that may be null']?.log ?? '';
  assert.equal(verifierSummary(log), "R0 invalid mem access 'map_value_or_null', at 6: r1 = *(u8 *)(r0 +0)");
  assert.equal(verifierSummary('unreachable insn 1\n'), 'unreachable insn 1, at 1');
  assert.equal(verifierSummary(''), 'the verifier gave no reason');
});

test('a log with a truncated beginning is summarized by its end', () => {
  const log = REFUSALS['an invalid return value']?.log ?? '';
  for (let cut = 0; cut < log.indexOf('1: (95)'); cut++) {
    assert.match(verifierSummary(log.slice(cut)), /^At program exit .*, at 1: exit$/);
  }
});
