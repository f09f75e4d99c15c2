// The record of the UDP ports that the guard has granted since the host was started: a file with a byte for each port.
import {
  closeSync,
  constants,
  existsSync,
  linkSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { codeOf } from '../../base/errors.ts';
import { PORTS, type PortRange } from '../../base/port.ts';
import type { GrantedPorts } from '../kernel.ts';
import { orUnwritable } from './files.ts';
import { makeDirectory } from './put-file.ts';
import { GRANTED_UDP_PORTS } from './state-files.ts';

const GRANTED = 1;
/** Everybody may look at what is in force, too. */
const FILE_MODE = 0o644;

/**
 * Ports are only added: a socket that was bound while a port was granted stays. It ends with the boot, which no socket
 * outlives; the name of the file says which one it is of.
 */
export class GrantedPortsFile implements GrantedPorts {
  readonly #directory: string;
  readonly #pins: string;

  /** The state directory, and the directory of the guard's names in bpffs. */
  constructor(directory: string, pins: string) {
    this.#directory = directory;
    this.#pins = pins;
  }

  get path(): string {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return join(this.#directory, `${GRANTED_UDP_PORTS}.${boot}`);
  }

  /** Opens it to be read, and makes it if need be; the caller's to close. Throws `FILE_UNWRITABLE` (environment). */
  open(): number {
    return this.#open(constants.O_RDONLY);
  }

  record(spans: readonly PortRange[]): void {
    const fd = this.#open(constants.O_RDWR);
    try {
      orUnwritable(this.path, REMEDY, () => {
        for (const { first, last } of spans) {
          const bytes = new Uint8Array(last - first + 1).fill(GRANTED);
          writeSync(fd, bytes, 0, bytes.length, first);
        }
      });
    } finally {
      closeSync(fd);
    }
  }

  #open(access: number): number {
    const { path } = this;
    const open = () => openSync(path, access | constants.O_NOFOLLOW);
    return orUnwritable(path, REMEDY, () => {
      try {
        return open();
      } catch (thrown) {
        if (codeOf(thrown) !== 'ENOENT') throw thrown;
      }
      this.#make(path);
      return open();
    });
  }

  /**
   * It is there whole or not at all. Whoever puts a guard in makes it before: one that is there without it is an older
   * portreeve's, of which nobody knows what it has granted, and that is taken for everything.
   */
  #make(path: string): void {
    makeDirectory(this.#directory);
    const beside = `${path}.${process.pid}.new`;
    const bytes = new Uint8Array(PORTS).fill(existsSync(this.#pins) ? GRANTED : 0);
    rmSync(beside, { force: true });
    try {
      writeFileSync(beside, bytes, { mode: FILE_MODE, flag: 'wx' });
      linkSync(beside, path);
    } catch (thrown) {
      if (codeOf(thrown) !== 'EEXIST') throw thrown;
    } finally {
      rmSync(beside, { force: true });
    }
    for (const name of readdirSync(this.#directory)) {
      const other = join(this.#directory, name);
      if (name.startsWith(`${GRANTED_UDP_PORTS}.`) && !other.startsWith(path)) rmSync(other, { force: true });
    }
  }
}

const REMEDY =
  'Over UDP root is known by what this file says: check the permissions and the room of its directory.';
