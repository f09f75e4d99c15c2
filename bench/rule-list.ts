// A rule list that is scanned at every bind, as for SocketBindDeny= of systemd.

import { Layout } from '../src/base/layout.ts';
import { Assembler } from '../src/bpf/assembler.ts';
import { SOCK_ADDR } from '../src/bpf/context.ts';
import { R0, R1, R2, R3, R6, R7, R8, R9, R10 } from '../src/bpf/instruction.ts';
import { encode } from '../src/bpf/program.ts';
import type { KernelHook, KernelMap, KernelProgram } from '../src/host/host.ts';
import type { LinuxBpf } from '../src/host/linux/kernel-bpf.ts';

/** The maximum of systemd for a unit. */
export const LISTED_RULES = 128;

/** struct socket_bind_rule in src/core/bpf/socket-bind of systemd. 0 in the first two fields matches any value. */
const LISTED = new Layout({ family: 'u32', protocol: 'u32', ports: 'u16', first: 'u16' });
const KEY = -4;
const IPPROTO_TCP = 6;

/** The rules "tcp:PORT". None matches a port bound in the benchmark. */
export function ruleList(bpf: LinuxBpf): KernelMap {
  const map = bpf.createMap({
    type: 'array',
    name: 'rule_list',
    keyBytes: 4,
    valueBytes: LISTED.bytes,
    entries: LISTED_RULES,
  });
  for (let i = 0; i < LISTED_RULES; i++) {
    const rule = {
      family: 0,
      protocol: IPPROTO_TCP,
      ports: 1,
      first: 1000 + i,
    };
    map.update(new Uint8Array(new Uint32Array([i]).buffer), LISTED.encode(rule));
  }
  return map;
}

/**
 * Loads the program that scans the list, like systemd's (src/core/bpf/socket-bind): family, protocol and port of each
 * rule. The second list of systemd, for allowed ports, is omitted.
 */
export function listProgram(bpf: LinuxBpf, hook: KernelHook, rules: KernelMap): KernelProgram {
  const p = new Assembler('rule_list');
  p.mov(R6, R1, 'the context');
  p.load('u32', R7, R6, SOCK_ADDR.fields.user_port.offset, 'port');
  p.swap('be16', R7);
  p.mov(R8, 0, 'the number of the rule');
  p.label('rule');
  p.jump('ge', R8, LISTED_RULES, 'allow');
  p.store('u32', R10, KEY, R8);
  p.loadMap(R1, 'rules');
  p.mov(R2, R10);
  p.add(R2, KEY);
  p.call('map_lookup_elem');
  p.jump('eq', R0, 0, 'allow');
  p.add(R8, 1);
  p.loadField(R9, R0, LISTED.fields.family);
  p.load('u32', R1, R6, SOCK_ADDR.fields.user_family.offset);
  p.jump('eq', R9, 0, 'protocol');
  p.jump('ne', R9, R1, 'rule');
  p.label('protocol');
  p.loadField(R9, R0, LISTED.fields.protocol);
  p.load('u32', R1, R6, SOCK_ADDR.fields.protocol.offset);
  p.jump('eq', R9, 0, 'ports');
  p.jump('ne', R9, R1, 'rule');
  p.label('ports');
  p.loadField(R3, R0, LISTED.fields.ports);
  p.jump('eq', R3, 0, 'refuse', 'all ports');
  p.loadField(R2, R0, LISTED.fields.first);
  p.jump('lt', R7, R2, 'rule');
  p.add(R2, R3);
  p.jump('ge', R7, R2, 'rule');
  p.label('refuse');
  p.mov(R0, 0);
  p.exit();
  p.label('allow');
  p.mov(R0, 1);
  p.exit();
  return bpf.loadProgram(
    'rule_list',
    hook,
    encode(p.assemble(), () => rules.fd),
  );
}

/** Loads a program that only allows. */
export function oneInstruction(bpf: LinuxBpf, hook: KernelHook): KernelProgram {
  const p = new Assembler('allow');
  p.mov(R0, 1);
  p.exit();
  return bpf.loadProgram(
    'allow',
    hook,
    encode(p.assemble(), () => -1),
  );
}
