/** Probes what the tests of the kernel need, and reports on standard error what is missing. */

import { closeSync, mkdtempSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { CGROUP_RECORD } from '../../src/base/cgroup-record.ts';
import { messageOf } from '../../src/base/errors.ts';
import { Assembler } from '../../src/bpf/assembler.ts';
import { R0 } from '../../src/bpf/instruction.ts';
import { encode } from '../../src/bpf/program.ts';
import { cgroupRoot } from '../../src/host/linux/cgroup.ts';
import { loadProgram } from '../../src/host/linux/sys/bpf-program.ts';
import { openTracepoint } from '../../src/host/linux/sys/tracepoint.ts';

const TRIALS: Readonly<Record<string, () => void>> = {
  /** Loads the smallest program for a cgroup. */
  bpf: () => {
    const p = new Assembler('probe');
    p.mov(R0, 1);
    p.exit();
    closeSync(loadProgram({ name: 'probe', hook: 'bind4', instructions: encode(p.assemble(), () => -1) }));
  },
  /** Opens the tracepoints by which the kernel assigns jobs to units. */
  'cgroup-events': () => {
    for (const event of ['cgroup_mkdir', 'cgroup_rmdir'])
      closeSync(openTracepoint('cgroup', event, CGROUP_RECORD));
  },
  /** Creates a cgroup below the root, and removes it. */
  cgroup2: () => rmdirSync(mkdtempSync(join(cgroupRoot(), 'portreeve-probe-'))),
};

try {
  const trial = TRIALS[process.argv[2] ?? ''];
  if (!trial) throw new Error(`there are ${Object.keys(TRIALS).join(' and ')}`);
  trial();
} catch (thrown) {
  console.error(messageOf(thrown));
  process.exitCode = 1;
}
