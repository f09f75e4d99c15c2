// The kernel of a simulated host, for probes of its features.
import { PortreeveError } from '../../../src/base/errors.ts';
import type { KernelBpf, KernelProgram } from '../../../src/host/host.ts';

/** The properties of the kernel. By default it has all features and 250 ticks per second. */
export interface SimKernel {
  readonly tickUs?: number | undefined;
  /** The mount point of cgroup v2. null: not mounted. */
  readonly cgroupRoot?: string | null;
  /** The errno of loading a bind(2) program. Undefined: success. */
  readonly programErrno?: string;
}

const PROGRAM: KernelProgram = {
  id: 1,
  name: 'portreeve_probe',
  tag: '0000000000000000',
  mapIds: [],
  close: () => undefined,
};

/** Counts how often a program was loaded. */
export class SimKernelTrials implements Pick<KernelBpf, 'tickUs' | 'cgroupRoot' | 'loadProgram'> {
  /** Replaceable: a kernel may behave differently later. */
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
    throw new PortreeveError('CGROUP2_MISSING', 'no complete cgroup v2 hierarchy is mounted', 'Mount it.');
  }

  loadProgram(): KernelProgram {
    this.programsTried++;
    const { programErrno: errno } = this.kernel;
    if (errno === undefined) return PROGRAM;
    throw new PortreeveError('BPF_CALL', `bpf(2) PROG_LOAD failed: ${errno}`, '', { errno });
  }
}
