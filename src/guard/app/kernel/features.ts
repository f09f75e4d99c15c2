// Probes what this kernel supports for the guard: yes, no, or unknown.

import { PortreeveError } from '../../../base/errors.ts';
import { GUARD_LINUX_HINT } from '../../../base/kernel-version.ts';
import { Assembler } from '../../../bpf/assembler.ts';
import { R0 } from '../../../bpf/instruction.ts';
import { encode } from '../../../bpf/program.ts';
import type { Files, KernelBpf } from '../../../host/host.ts';
import { unprivilegedStart } from '../../../names/app/kernel-ports.ts';
import type { KernelFeatures } from '../../core/features.ts';

/** What the guard requires: a cgroup v2 hierarchy, and programs that are called at bind(2). */
const NEEDS = ['cgroup2', 'bindPrograms'] as const;
type Need = (typeof NEEDS)[number];

/** The result of a probe. */
export interface Trial {
  /** Whether the kernel has the feature; undefined where that could not be determined. */
  readonly has: boolean | undefined;
  /** What is wrong; empty where nothing is. */
  readonly message: string;
  /** How to fix it. */
  readonly hint: string;
}

interface FeatureDeps {
  readonly bpf: Pick<KernelBpf, 'tickUs' | 'cgroupRoot' | 'loadProgram'>;
  readonly files: Pick<Files, 'readText'>;
  /** The uid of the caller. */
  readonly uid: number;
}

const PROTOCOLS_FILE = '/proc/net/protocols';
const LOCKDOWN_FILE = '/sys/kernel/security/lockdown';
const FILE_MAX_BYTES = 64 * 1024;

/** The names in /proc/net/protocols, and the names to print. */
const OTHER_PROTOCOLS: Readonly<Record<string, string>> = { 'UDP-Lite': 'UDP-Lite', SCTP: 'SCTP' };

/** Probes the kernel and leaves nothing behind. A yes or no is cached; what is unknown is probed again. */
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

  /** Read each time, because it is a setting. */
  get unprivilegedStart(): number {
    return unprivilegedStart(this.#deps.files);
  }

  /** Read each time, because modules are loaded and unloaded. */
  get otherProtocols(): readonly string[] {
    const lines = this.#deps.files.readText(PROTOCOLS_FILE, FILE_MAX_BYTES)?.split('\n') ?? [];
    return lines.flatMap((line) => OTHER_PROTOCOLS[line.split(' ', 1)[0] ?? ''] ?? []);
  }

  has(need: Need): Trial {
    const kept = this.#kept.get(need);
    if (kept) return kept;
    const trial = need === 'cgroup2' ? this.#tryCgroup2() : this.#tryBindProgram();
    if (trial.has !== undefined) this.#kept.set(need, trial);
    return trial;
  }

  /** The requirements that are missing or may be. */
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

  /** Loads the smallest possible program, and closes it. */
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
      return { has: false, message: 'this kernel does not call BPF programs at bind(2)', hint: NO_HOOK_HINT };
    }
    if (errno !== 'EPERM') return { has: undefined, message, hint };
    if (this.#deps.uid !== 0) {
      const unknown = 'only root can determine whether the kernel accepts BPF programs at bind(2)';
      return { has: undefined, message: unknown, hint: 'Run it as root, for example with sudo.' };
    }
    const lockdown = this.#lockdown();
    if (lockdown === undefined) return { has: false, message: NOT_PERMITTED, hint: NOT_PERMITTED_HINT };
    return { has: false, message: `${NOT_PERMITTED}: it is locked down (${lockdown})`, hint: LOCKDOWN_HINT };
  }

  /** "none [integrity] confidentiality": the one in brackets is in force (kernel_lockdown(7)). */
  #lockdown(): string | undefined {
    const text = this.#deps.files.readText(LOCKDOWN_FILE, FILE_MAX_BYTES) ?? '';
    const mode = /\[([a-z]+)\]/.exec(text)?.[1];
    return mode === 'none' ? undefined : mode;
  }
}

const HAS: Trial = { has: true, message: '', hint: '' };
const NO_BPF_HINT = 'The guard needs a kernel with CONFIG_BPF_SYSCALL.';
const NO_HOOK_HINT = `${GUARD_LINUX_HINT}, with CONFIG_CGROUP_BPF.`;
const NOT_PERMITTED = 'the kernel does not permit root to load BPF programs here';
const NOT_PERMITTED_HINT =
  'The guard needs the capabilities CAP_BPF and CAP_NET_ADMIN, which a container may lack: run it on the host.';
const LOCKDOWN_HINT = 'See kernel_lockdown(7).';
