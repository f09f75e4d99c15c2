// The kernel of a simulated host, as far as it is tried what it can do for the guard.
import { PortreeveError } from '../../../src/base/errors.ts';
import type { KernelBpf, KernelProgram } from '../../../src/host/host.ts';

/** What the kernel is like; without it: one that has all, with 250 ticks a second. */
export interface SimKernel {
  readonly tickUs?: number | undefined;
  /** Where cgroup v2 is mounted; null: nowhere. */
  readonly cgroupRoot?: string | null;
  /** What errno says to a program for bind(2); undefined: it is taken. */
  readonly programErrno?: string;
}

const PROGRAM: KernelProgram = {
  id: 1,
  name: 'portreeve_probe',
  tag: '0000000000000000',
  mapIds: [],
  close: () => undefined,
};

/** It counts how often a program was tried. */
export class SimKernelTrials implements Pick<KernelBpf, 'tickUs' | 'cgroupRoot' | 'loadProgram'> {
  /** Can be exchanged: a kernel may say something else later. */
  kernel: SimKernel;
  programsTried = 0;

  constructor(kernel: SimKernel = {}) {
    this.kernel = kernel;
  }

  tickUs(): number | undefined {
    return 'tickUs' in this.kernel ? this.kernel.tickUs : 4000;
  }

  cgroupRoot(): string {
    const { cgroupRoot = '/sys/fs/cgroup' } = this.kernel;
    if (cgroupRoot !== null) return cgroupRoot;
    throw new PortreeveError('CGROUP2_MISSING', 'no hierarchy of cgroup v2 is mounted', 'Mount it.');
  }

  loadProgram(): KernelProgram {
    this.programsTried++;
    const { programErrno: errno } = this.kernel;
    if (errno === undefined) return PROGRAM;
    throw new PortreeveError('BPF_CALL', `bpf(2) PROG_LOAD failed: ${errno}`, '', { errno });
  }
}
