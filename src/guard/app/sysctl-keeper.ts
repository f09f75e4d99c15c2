// Excludes reserved ports from automatic assignment through the kernel's settings, and restores the earlier values.
import { PortreeveError } from '../../base/errors.ts';
import type { SysctlChange } from '../../base/sysctl-change.ts';
import type { SysctlRecord, Sysctls } from '../../host/host.ts';
import { PORT_RANGE, RESERVED_PORTS, UNPRIVILEGED_START } from '../../names/core/kernel-ports.ts';
import { EMPTY_PROFILE, type Profile } from '../../profile/core/rules.ts';
import {
  type PortSettingPlan,
  type PortSettingScope,
  type PortSettingWrite,
  planPortSettings,
} from '../core/port-settings.ts';

interface KeeperDeps {
  readonly sysctls: Sysctls;
  readonly record: SysctlRecord;
  /** The settings to write; the records of other settings stay as they are. */
  readonly scope?: PortSettingScope;
}

/**
 * Keeps the kernel's port settings. The caller holds the guard's lock, so that only one instance writes.
 *
 * Each write is recorded before it is made: if this process is killed in between, the next one can still distinguish
 * our ports from those that others put into the list.
 */
export class SysctlKeeper {
  readonly #sysctls: Sysctls;
  readonly #record: SysctlRecord;
  readonly #scope: PortSettingScope;

  constructor({ sysctls, record, scope = 'all' }: KeeperDeps) {
    this.#sysctls = sysctls;
    this.#record = record;
    this.#scope = scope;
  }

  /** What apply() would do. Throws PortreeveError (environment) where the settings or the record cannot be read. */
  plan(profile: Profile): PortSettingPlan {
    return this.#planFor(profile, this.#record.read());
  }

  /** Writes the settings for the profile, and returns what it did. Throws PortreeveError (environment) on failure. */
  apply(profile: Profile): PortSettingPlan {
    const recorded = this.#record.read();
    const plan = this.#planFor(profile, recorded);
    const due = plan.writes.filter(({ current, value }) => current !== value);
    const kept = recorded.filter(({ name }) => !plan.writes.some((write) => write.name === name));
    if (due.length > 0) {
      const begun = plan.writes.map((write) => ({ ...settled(write), before: write.current }));
      this.#record.write([...kept, ...begun]);
      for (const write of due) this.#write(write);
    }
    // A setting that has the value it would have without us needs no record.
    const settledNow = plan.writes.filter(({ value, found }) => value !== found).map(settled);
    const changes = [...kept, ...settledNow];
    if (due.length > 0 || !isSame(changes, recorded)) this.#record.write(changes);
    return plan;
  }

  /** Restores the earlier values, with later changes by others. Throws like apply(). */
  restore(): PortSettingPlan {
    return this.apply(EMPTY_PROFILE);
  }

  #planFor(profile: Profile, recorded: readonly SysctlChange[]): PortSettingPlan {
    const settings = {
      reservedPorts: this.#sysctls.read(RESERVED_PORTS),
      portRange: this.#sysctls.read(PORT_RANGE),
      unprivilegedStart: this.#sysctls.read(UNPRIVILEGED_START),
    };
    return planPortSettings(profile, settings, recorded, this.#scope);
  }

  /** Reads the value back, because the kernel may store a part of it without an error. */
  #write({ name, value }: PortSettingWrite): void {
    this.#sysctls.write(name, value);
    if (this.#sysctls.read(name) === value) return;
    const message = `${name} does not have the value that was written`;
    const hint = 'Another program may also set it. Try again.';
    throw new PortreeveError('SYSCTL_NOT_KEPT', message, hint, { name });
  }
}

function settled({ name, found, value }: PortSettingWrite): SysctlChange {
  return { name, found, written: value, before: undefined };
}

function isSame(some: readonly SysctlChange[], others: readonly SysctlChange[]): boolean {
  const text = (changes: readonly SysctlChange[]) =>
    JSON.stringify(changes.map(({ name, found, written, before }) => [name, found, written, before ?? null]));
  return text(some) === text(others);
}
