// Keeps reserved ports out of automatic assignment by the kernel's settings, and puts back what was there before.
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

/** What the keeper works with. */
interface KeeperDeps {
  readonly sysctls: Sysctls;
  readonly record: SysctlRecord;
  /** What of the settings it keeps; what is recorded of others stays recorded. */
  readonly scope?: PortSettingScope;
}

/**
 * The keeper of the kernel's port settings. Only one may be at work at a time: whoever has it holds the guard's lock.
 *
 * What is to be written is recorded before it is, so that a keeper that was killed in the middle is followed by one
 * that can still tell our ports from those of others.
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

  /** Writes what the profile wants, and gives what was done. Throws PortreeveError (environment) where that fails. */
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
    // A setting that is what it would be without us is none of ours.
    const settledNow = plan.writes.filter(({ value, found }) => value !== found).map(settled);
    const changes = [...kept, ...settledNow];
    if (due.length > 0 || !isSame(changes, recorded)) this.#record.write(changes);
    return plan;
  }

  /** Puts back what was there before us, and what others have made of it since. Throws like apply(). */
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

  /** The kernel may take a part of a value and say nothing. */
  #write({ name, value }: PortSettingWrite): void {
    this.#sysctls.write(name, value);
    if (this.#sysctls.read(name) === value) return;
    const message = `${name} was written and is something else`;
    const hint = 'Another program sets it as well. Try again.';
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
