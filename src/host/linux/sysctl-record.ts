// The record of our changes to kernel settings: a file in the state directory, valid for one boot and one network
// namespace.
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, PortreeveError } from '../../base/errors.ts';
import { PORT_LIST_MAX_CHARACTERS } from '../../base/limits.ts';
import type { SysctlChange } from '../../base/sysctl-change.ts';
import type { SysctlRecord, SysctlRecords } from '../host.ts';
import { bootAndNetwork, bootOf } from './boot-and-network.ts';
import { readText } from './files.ts';
import { putFile } from './put-file.ts';

export const SYSCTL_RECORD = 'sysctls.json';
/** A few changes, with three port lists each. */
const FILE_MAX_BYTES = 8 * PORT_LIST_MAX_CHARACTERS;

/** Named after the cookie of the network namespace, which is unique until the next boot. */
const NAMESPACE_RECORD = /^sysctls-([0-9]{1,20})\.json$/;

/** The records of this boot in a state directory. */
export class SysctlRecordFiles implements SysctlRecords {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  of(cookie: bigint): SysctlRecord {
    const own = this.#at(cookie);
    // An older portreeve had a single record, for the guard's namespace.
    const older = new SysctlRecordFile(this.#directory);
    const changes = own.read().length === 0 ? older.read() : [];
    if (changes.length > 0) {
      own.write(changes);
      older.write([]);
    }
    return own;
  }

  forget(cookie: bigint): void {
    this.#at(cookie).write([]);
  }

  cookies(): readonly bigint[] {
    if (!existsSync(this.#directory)) return [];
    return readdirSync(this.#directory).flatMap((name) => {
      const digits = NAMESPACE_RECORD.exec(name)?.[1];
      return digits === undefined ? [] : [BigInt(digits)];
    });
  }

  #at(cookie: bigint): SysctlRecordFile {
    return new SysctlRecordFile(this.#directory, `${bootOf()} netns ${cookie}`, `sysctls-${cookie}.json`);
  }
}

export class SysctlRecordFile implements SysctlRecord {
  readonly #path: string;
  readonly #stamp: string;

  constructor(directory: string, stamp: string = bootAndNetwork(), name = SYSCTL_RECORD) {
    this.#path = join(directory, name);
    this.#stamp = stamp;
  }

  read(): readonly SysctlChange[] {
    const text = readText(this.#path, FILE_MAX_BYTES);
    if (text === undefined) return [];
    const { stamp, changes } = this.#decode(text);
    return stamp === this.#stamp ? changes : [];
  }

  write(changes: readonly SysctlChange[]): void {
    if (changes.length === 0) {
      this.#remove();
      return;
    }
    const entries = changes.map(({ before, ...change }) => ({ ...change, before: before ?? null }));
    putFile(this.#path, `${JSON.stringify({ stamp: this.#stamp, changes: entries }, undefined, 2)}\n`);
  }

  #remove(): void {
    try {
      rmSync(this.#path, { force: true });
    } catch (thrown) {
      const message = `cannot remove ${this.#path}: ${messageOf(thrown)}`;
      throw new PortreeveError('FILE_UNWRITABLE', message, '', { path: this.#path });
    }
  }

  #decode(text: string): { stamp: string; changes: SysctlChange[] } {
    try {
      const { stamp, changes } = fieldsOf(JSON.parse(text));
      if (!Array.isArray(changes)) throw new TypeError('it has no list of changes');
      return { stamp: textOf(stamp), changes: changes.map(changeOf) };
    } catch (thrown) {
      const message = `${this.#path} is damaged: ${messageOf(thrown)}`;
      const hint = 'Move it away. The current values of the settings then count as the original ones.';
      throw new PortreeveError('SYSCTL_RECORD_DAMAGED', message, hint, { path: this.#path });
    }
  }
}

function changeOf(entry: unknown): SysctlChange {
  const { name, found, written, before } = fieldsOf(entry);
  return {
    name: textOf(name),
    found: textOf(found),
    written: textOf(written),
    before: before === null ? undefined : textOf(before),
  };
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  throw new TypeError('expected an object');
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  throw new TypeError('expected a text');
}
