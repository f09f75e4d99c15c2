/** A program of a test in a cgroup that pins a policy in bpffs and is killed, or takes over what was pinned. */

import { mkdirSync, rmSync } from 'node:fs';
import { Assembler } from '../../src/bpf/assembler.ts';
import { R0, R1 } from '../../src/bpf/instruction.ts';
import { encode } from '../../src/bpf/program.ts';
import { BPFFS, isBpffs, mountBpffs } from '../../src/host/linux/bpffs.ts';
import { openCgroup } from '../../src/host/linux/cgroup.ts';
import { attachProgram, linkInfo, updateLink } from '../../src/host/linux/sys/bpf-link.ts';
import { BpfMap } from '../../src/host/linux/sys/bpf-map.ts';
import { openPinned, pinObject } from '../../src/host/linux/sys/bpf-object.ts';
import { loadProgram, programInfo } from '../../src/host/linux/sys/bpf-program.ts';

const DIRECTORY = `${BPFFS}/portreeve-test`;
const path = (name: string): string => `${DIRECTORY}/${name}`;
const print = (value: object): void =>
  console.log(JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? `${part}` : part)));
const KEY = new Uint8Array(4);

/** Returns the value in the map. */
function answering(name: string, answers: BpfMap): number {
  const p = new Assembler(name);
  p.loadMapValue(R1, 'answers', 0);
  p.load('u8', R0, R1, 0);
  p.and(R0, 1);
  p.exit();
  return loadProgram({ name, hook: 'bind4', instructions: encode(p.assemble(), () => answers.fd) });
}

function pinned(name: string): number {
  const fd = openPinned(path(name));
  if (fd === undefined) throw new Error(`${name} is not pinned`);
  return fd;
}

const STEPS: Readonly<Record<string, (cgroup: string) => void>> = {
  create: (cgroup) => {
    const before = isBpffs();
    const mounted = [mountBpffs(), mountBpffs()];
    mkdirSync(DIRECTORY);
    const answers = BpfMap.create({ type: 'array', name: 'answers', keyBytes: 4, valueBytes: 1, entries: 1 });
    const program = answering('pinned', answers);
    const link = attachProgram(program, openCgroup(cgroup), 'bind4');
    pinObject(answers.fd, path('answers'));
    pinObject(program, path('program'));
    pinObject(link, path('link'));
    print({
      before,
      mounted,
      map: answers.info.id,
      program: programInfo(program).id,
      link: linkInfo(link).id,
    });
    process.kill(process.pid, 'SIGKILL');
  },
  'take-over': () => {
    using answers = BpfMap.adopt(pinned('answers'));
    const program = programInfo(pinned('program'));
    const { cgroup, ...link } = linkInfo(pinned('link'));
    answers.update(KEY, Uint8Array.of(1));
    print({ map: answers.info, program, link, cgroup });
  },
  /** Replaces the program in the link; the first one is then gone. */
  replace: () => {
    using answers = BpfMap.adopt(pinned('answers'));
    answers.update(KEY, Uint8Array.of(0));
    const program = answering('second', answers);
    const first = pinned('program');
    updateLink(pinned('link'), program, first);
    print({ program: programInfo(program).id, linked: linkInfo(pinned('link')).programId });
  },
  unpin: () => {
    rmSync(path('link'));
    print({ left: openPinned(path('link')) === undefined });
  },
};

STEPS[process.argv[2] ?? '']?.(process.argv[3] ?? '');
