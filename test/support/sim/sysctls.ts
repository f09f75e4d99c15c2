// Kernel settings of a simulated host, and a record of changes, both in memory.
import { PortreeveError } from '../../../src/base/errors.ts';
import { parseDecimal } from '../../../src/base/port.ts';
import type { SysctlChange } from '../../../src/base/sysctl-change.ts';
import type { SysctlRecord, Sysctls } from '../../../src/host/host.ts';

const RANGE = 'net.ipv4.ip_local_port_range';
const START = 'net.ipv4.ip_unprivileged_port_start';

/** The defaults of Linux. */
const USUAL: Readonly<Record<string, string>> = {
  'net.ipv4.ip_local_reserved_ports': '',
  [RANGE]: '32768\t60999',
  [START]: '1024',
};

/** Settings that the test can change as well. */
export class SimSysctls implements Sysctls {
  readonly #values: Map<string, string>;

  constructor(values: Readonly<Record<string, string>> = USUAL) {
    this.#values = new Map(Object.entries(values));
  }

  read(name: string): string | undefined {
    return this.#values.get(name);
  }

  write(name: string, value: string): void {
    const isKnown = this.#values.has(name);
    if (!isKnown || (name === RANGE && !this.#isRange(value))) {
      throw new PortreeveError('SYSCTL_REFUSED', `cannot set ${name}: EINVAL`, '', { name, value });
    }
    this.#values.set(name, value);
  }

  /** Two numbers, the first not below ip_unprivileged_port_start. */
  #isRange(value: string): boolean {
    const [first = -1, last = -1] = value.split(/\s+/).map((text) => parseDecimal(text, 65535));
    const start = parseDecimal(this.#values.get(START) ?? '', 65536) ?? 0;
    return first >= Math.max(start, 1) && last >= first;
  }
}

/** A record in memory. */
export class SimSysctlRecord implements SysctlRecord {
  #changes: readonly SysctlChange[] = [];

  read(): readonly SysctlChange[] {
    return this.#changes;
  }

  write(changes: readonly SysctlChange[]): void {
    this.#changes = structuredClone(changes);
  }
}
