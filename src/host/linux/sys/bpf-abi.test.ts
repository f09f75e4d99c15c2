// Compares the constants and layouts of BPF in our sources with <linux/bpf.h>.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { PROG_QUERY } from '../../../../test/support/bpf-queries.ts';
import { valuesInC } from '../../../../test/support/c-values.ts';
import { needs, probe } from '../../../../test/support/probe.ts';
import { SOCK } from '../../../../test/support/sock-context.ts';
import type { Field } from '../../../base/layout.ts';
import { SOCK_ADDR } from '../../../bpf/context.ts';
import { HELPERS } from '../../../bpf/helpers.ts';
import { ALU, CLASS, JUMP, MODE, PSEUDO, SIZE, SOURCE } from '../../../bpf/instruction.ts';
import * as attributes from './bpf.ts';
import { LINK_INFO } from './bpf-link.ts';
import { MAP_FLAGS, MAP_INFO, MAP_TYPES } from './bpf-map.ts';
import { HOOKS, PROGRAM_INFO } from './bpf-program.ts';

const HEADERS = [
  'stddef.h',
  'linux/bpf.h',
  'linux/magic.h',
  'poll.h',
  'sys/mman.h',
  'sys/mount.h',
  'asm/unistd.h',
];

type Expected = readonly (readonly [expression: string, value: number])[];

/** Compares everything with one run of the compiler. */
function check(t: TestContext, expected: Expected): void {
  if (!needs(t, probe.cc(), probe.bpfHeaders())) return;
  const actual = valuesInC(
    HEADERS,
    expected.map(([expression]) => expression),
  );
  assert.deepEqual(
    expected.map(([expression], i) => [expression, actual[i]]),
    expected,
  );
}

/** The offset and size of each field. `path` is the location of the structure in the type, such as "batch.". */
function fieldsOf(
  type: string,
  layout: { readonly fields: Readonly<Record<string, Field>> },
  path = '',
): Expected {
  return Object.values(layout.fields).flatMap(({ name, offset, bytes }) => {
    const member = `${path}${name}`;
    return [
      [`offsetof(${type}, ${member})`, offset],
      [`sizeof(((${type} *)0)->${member})`, bytes],
    ] as const;
  });
}

const named = (numbers: Readonly<Record<string, number>>, nameOf: (name: string) => string): Expected =>
  Object.entries(numbers).map(([name, value]) => [nameOf(name), value]);

test('the parameters of bpf(2) match', (t) => {
  const attr = 'union bpf_attr';
  check(t, [
    ['sizeof(union bpf_attr) >= 120', 1],
    ...fieldsOf(attr, attributes.MAP_CREATE),
    ...fieldsOf(attr, attributes.MAP_ELEMENT),
    ['offsetof(union bpf_attr, next_key)', attributes.MAP_ELEMENT.fields.value.offset],
    ...fieldsOf(attr, attributes.MAP_BATCH, 'batch.'),
    ...fieldsOf(attr, attributes.PROG_LOAD),
    ...fieldsOf(attr, attributes.OBJECT_PATH),
    ...fieldsOf(attr, attributes.OBJECT_ID),
    ['offsetof(union bpf_attr, prog_id)', attributes.OBJECT_ID.fields.start_id.offset],
    ['offsetof(union bpf_attr, map_id)', attributes.OBJECT_ID.fields.start_id.offset],
    ['offsetof(union bpf_attr, link_id)', attributes.OBJECT_ID.fields.start_id.offset],
    ...fieldsOf(attr, attributes.OBJECT_INFO, 'info.'),
    ...fieldsOf(attr, PROG_QUERY, 'query.'),
    ...fieldsOf(attr, attributes.LINK_CREATE, 'link_create.'),
    ...fieldsOf(attr, attributes.LINK_UPDATE, 'link_update.'),
    ...fieldsOf(attr, attributes.LINK_DETACH, 'link_detach.'),
  ]);
});

/** A bit field has no offset: it is where the next number would be. */
const withoutBits = (layout: typeof PROGRAM_INFO) => {
  const { gpl_compatible: _, ...fields } = layout.fields;
  return { fields };
};

test('the results of bpf(2) match', (t) => {
  const { type, id, prog_id, ...cgroup } = LINK_INFO.fields;
  check(t, [
    ...fieldsOf('struct bpf_map_info', MAP_INFO),
    ...fieldsOf('struct bpf_prog_info', withoutBits(PROGRAM_INFO)),
    ...fieldsOf('struct bpf_link_info', { fields: { type, id, prog_id } }),
    ...fieldsOf('struct bpf_link_info', { fields: cgroup }, 'cgroup.'),
  ]);
});

test('the contexts of programs match', (t) => {
  check(t, [
    ['sizeof(struct bpf_sock_addr)', SOCK_ADDR.bytes],
    ...fieldsOf('struct bpf_sock_addr', SOCK_ADDR).filter(([expression]) => !/\bsk\)?$/.test(expression)),
    ...fieldsOf('struct bpf_sock', SOCK),
  ]);
});

test('the numbers of commands, helpers, maps and hooks match', (t) => {
  const hooks = {
    BPF_CGROUP_INET_SOCK_CREATE: HOOKS.sock_create.attachType,
    BPF_CGROUP_INET_SOCK_RELEASE: HOOKS.sock_release.attachType,
    BPF_CGROUP_SOCK_OPS: HOOKS.sockops.attachType,
    BPF_CGROUP_INET4_BIND: HOOKS.bind4.attachType,
    BPF_CGROUP_INET6_BIND: HOOKS.bind6.attachType,
    BPF_CGROUP_INET4_CONNECT: HOOKS.connect4.attachType,
    BPF_CGROUP_INET6_CONNECT: HOOKS.connect6.attachType,
    BPF_CGROUP_INET4_POST_BIND: HOOKS.post_bind4.attachType,
    BPF_CGROUP_INET6_POST_BIND: HOOKS.post_bind6.attachType,
    BPF_PROG_TYPE_CGROUP_SOCK_ADDR: HOOKS.bind4.programType,
    BPF_PROG_TYPE_CGROUP_SOCK: HOOKS.post_bind4.programType,
    BPF_PROG_TYPE_SOCK_OPS: HOOKS.sockops.programType,
  };
  check(t, [
    ...named(attributes.COMMANDS, (name) => `BPF_${name}`),
    ...named(HELPERS, (name) => `BPF_FUNC_${name}`),
    ...named(MAP_TYPES, (name) => `BPF_MAP_TYPE_${name.toUpperCase()}`),
    ...named(MAP_FLAGS, (name) => `BPF_F_${name.toUpperCase()}`),
    ...named(hooks, (name) => name),
    ['BPF_OBJ_NAME_LEN', 16],
    ['BPF_ANY', 0],
    ['BPF_NOEXIST', 1],
    ['BPF_EXIST', 2],
    ['BPF_F_REPLACE', 4],
    ['BPF_F_QUERY_EFFECTIVE', 1],
    ['BPF_LINK_TYPE_CGROUP', 3],
    ['BPF_RINGBUF_BUSY_BIT', 2 ** 31],
    ['BPF_RINGBUF_DISCARD_BIT', 2 ** 30],
    ['BPF_RINGBUF_HDR_SZ', 8],
    ['__NR_bpf', process.arch === 'x64' ? 321 : 280],
  ]);
});

test('the opcodes of instructions match', (t) => {
  const jump: Readonly<Record<string, number>> = {
    BPF_JA: JUMP.always,
    BPF_JEQ: JUMP.eq,
    BPF_JGT: JUMP.gt,
    BPF_JGE: JUMP.ge,
    BPF_JSET: JUMP.set,
    BPF_JNE: JUMP.ne,
    BPF_JSGT: JUMP.sgt,
    BPF_JSGE: JUMP.sge,
    BPF_CALL: JUMP.call,
    BPF_EXIT: JUMP.exit,
    BPF_JLT: JUMP.lt,
    BPF_JLE: JUMP.le,
    BPF_JSLT: JUMP.slt,
    BPF_JSLE: JUMP.sle,
  };
  check(t, [
    ['sizeof(struct bpf_insn)', 8],
    ...named(CLASS, (name) => `BPF_${name.toUpperCase()}`),
    ...named(ALU, (name) => `BPF_${name.toUpperCase()}`),
    ...named(jump, (name) => name),
    ['BPF_K', SOURCE.immediate],
    ['BPF_X', SOURCE.register],
    ['BPF_W', SIZE.u32],
    ['BPF_H', SIZE.u16],
    ['BPF_B', SIZE.u8],
    ['BPF_DW', SIZE.u64],
    ['BPF_IMM', MODE.immediate],
    ['BPF_MEM', MODE.memory],
    ['BPF_ATOMIC', MODE.atomic],
    ['BPF_PSEUDO_MAP_FD', PSEUDO.map],
    ['BPF_PSEUDO_MAP_VALUE', PSEUDO.mapValue],
  ]);
});

test('the constants for mapping, mounting and polling match', (t) => {
  check(t, [
    ['PROT_READ', 1],
    ['PROT_WRITE', 2],
    ['MAP_SHARED', 1],
    ['MS_NOSUID | MS_NODEV | MS_NOEXEC', 2 | 4 | 8],
    ['BPF_FS_MAGIC', 0xcafe4a11],
    ['CGROUP2_SUPER_MAGIC', 0x63677270],
    ['POLLIN', 1],
    ['sizeof(struct pollfd)', 8],
    ['offsetof(struct pollfd, events)', 4],
  ]);
});
