// What the kernel at hand can do for the guard, found out by trying: yes, no, or that it could not be told.

import { PortreeveError } from '../../../base/errors.ts';
import { GUARD_LINUX_HINT } from '../../../base/kernel-version.ts';
import { Assembler } from '../../../bpf/assembler.ts';
import { R0 } from '../../../bpf/instruction.ts';
import { encode } from '../../../bpf/program.ts';
import type { Files, KernelBpf } from '../../../host/host.ts';
import { unprivilegedStart } from '../../../names/app/kernel-ports.ts';
import type { KernelFeatures } from '../../core/features.ts';

/** What a guard cannot do without: a hierarchy of cgroup v2, and programs that are called at bind(2). */
const NEEDS = ['cgroup2', 'bindPrograms'] as const;
type Need = (typeof NEEDS)[number];

/** What a trial came to. */
export interface Trial {
  /** Whether the kernel has it; undefined where that could not be told. */
  readonly has: boolean | undefined;
  /** What was found; empty where there is nothing amiss. */
  readonly message: string;
  /** What can be done about it. */
  readonly hint: string;
}

/** What it takes to find out. Nothing is left behind. */
interface FeatureDeps {
  readonly bpf: Pick<KernelBpf, 'tickUs' | 'cgroupRoot' | 'loadProgram'>;
  readonly files: Pick<Files, 'readText'>;
  /** Who tries. */
  readonly uid: number;
}

const PROTOCOLS_FILE = '/proc/net/protocols';
const LOCKDOWN_FILE = '/sys/kernel/security/lockdown';
const FILE_MAX_BYTES = 64 * 1024;

/** As /proc/net/protocols names them, and as they are called. */
const OTHER_PROTOCOLS: Readonly<Record<string, string>> = { 'UDP-Lite': 'UDP-Lite', SCTP: 'SCTP' };

/** Asks the kernel. An answer of yes or no is kept, and what could not be told is tried again. */
export class FeatureProbe implements KernelFeatures {
  readonly #deps: FeatureDeps;
  readonly #kept = new Map<Need, Trial>();
  #tickUs: number | undefined;

  constructor(deps: FeatureDeps) {
    this.#deps = deps;
  }

  get tickUs(): number | undefined {
    this.#tickUs ??= this.#deps.bpf.tickUs();
    return this.#tickUs;
  }

  /** A setting: it is read each time. */
  get unprivilegedStart(): number {
    return unprivilegedStart(this.#deps.files);
  }

  /** Modules come and go: they are read each time. */
  get otherProtocols(): readonly string[] {
    const lines = this.#deps.files.readText(PROTOCOLS_FILE, FILE_MAX_BYTES)?.split('\n') ?? [];
    return lines.flatMap((line) => OTHER_PROTOCOLS[line.split(' ', 1)[0] ?? ''] ?? []);
  }

  /** Whether there is what a guard cannot do without. */
  has(need: Need): Trial {
    const kept = this.#kept.get(need);
    if (kept) return kept;
    const trial = need === 'cgroup2' ? this.#tryCgroup2() : this.#tryBindProgram();
    if (trial.has !== undefined) this.#kept.set(need, trial);
    return trial;
  }

  /** What a guard cannot do without and is missing, or may be. */
  missing(): readonly Trial[] {
    return NEEDS.map((need) => this.has(need)).filter(({ has }) => has !== true);
  }

  #tryCgroup2(): Trial {
    try {
      this.#deps.bpf.cgroupRoot();
      return HAS;
    } catch (thrown) {
      if (!(thrown instanceof PortreeveError)) throw thrown;
      return { has: false, message: thrown.message, hint: thrown.hint };
    }
  }

  /** Gives the smallest program to the verifier, and takes it away again. */
  #tryBindProgram(): Trial {
    const p = new Assembler('portreeve_probe');
    p.mov(R0, 1);
    p.exit();
    try {
      this.#deps.bpf
        .loadProgram(
          'portreeve_probe',
          'bind4',
          encode(p.assemble(), () => -1),
        )
        .close();
      return HAS;
    } catch (thrown) {
      if (!(thrown instanceof PortreeveError)) throw thrown;
      return this.#judge(`${thrown.data['errno'] ?? thrown.code}`, thrown);
    }
  }

  #judge(errno: string, { message, hint }: PortreeveError): Trial {
    if (errno === 'ENOSYS')
      return { has: false, message: 'this kernel is built without BPF', hint: NO_BPF_HINT };
    if (errno === 'EINVAL') {
      return { has: false, message: 'this kernel calls no BPF program at bind(2)', hint: NO_HOOK_HINT };
    }
    if (errno !== 'EPERM') return { has: undefined, message, hint };
    if (this.#deps.uid !== 0) {
      const unknown = 'only root can find out whether the kernel takes BPF programs for bind(2)';
      return { has: undefined, message: unknown, hint: 'Run it as root, such as by sudo.' };
    }
    const lockdown = this.#lockdown();
    if (lockdown === undefined) return { has: false, message: NOT_LET, hint: NOT_LET_HINT };
    return { has: false, message: `${NOT_LET}: it is locked down (${lockdown})`, hint: LOCKDOWN_HINT };
  }

  /** "none [integrity] confidentiality": the one in brackets is in force (kernel_lockdown(7)). */
  #lockdown(): string | undefined {
    const text = this.#deps.files.readText(LOCKDOWN_FILE, FILE_MAX_BYTES) ?? '';
    const mode = /\[([a-z]+)\]/.exec(text)?.[1];
    return mode === 'none' ? undefined : mode;
  }
}

const HAS: Trial = { has: true, message: '', hint: '' };
const NO_BPF_HINT = 'It takes a kernel with CONFIG_BPF_SYSCALL.';
const NO_HOOK_HINT = `${GUARD_LINUX_HINT}, with CONFIG_CGROUP_BPF.`;
const NOT_LET = 'the kernel does not let root load BPF programs here';
const NOT_LET_HINT =
  'It takes the capabilities CAP_BPF and CAP_NET_ADMIN, which a container may lack: run it on the host.';
const LOCKDOWN_HINT = 'See kernel_lockdown(7).';
