// The record of UDP ports that the guard has granted since boot: a file with one byte per port.
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
/** The policy in force is public. */
const FILE_MODE = 0o644;

/**
 * Ports are only added: a socket that was bound while a port was granted stays open. The record is valid for one boot,
 * which its file name contains.
 */
export class GrantedPortsFile implements GrantedPorts {
  readonly #directory: string;
  readonly #pins: string;

  /** `directory` is the state directory, `pins` the guard's directory in bpffs. */
  constructor(directory: string, pins: string) {
    this.#directory = directory;
    this.#pins = pins;
  }

  get path(): string {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return join(this.#directory, `${GRANTED_UDP_PORTS}.${boot}`);
  }

  /**
   * Opens the file for reading, and creates it if missing. The caller must close it. Throws `FILE_UNWRITABLE`
   * (environment).
   */
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
   * Creates the file atomically. A guard is loaded only after that, so a guard without the file was loaded by an older
   * portreeve. What that has granted is unknown: every port counts as granted.
   */
  #make(path: string): void {
    makeDirectory(this.#directory);
    const temporary = `${path}.${process.pid}.new`;
    const bytes = new Uint8Array(PORTS).fill(existsSync(this.#pins) ? GRANTED : 0);
    rmSync(temporary, { force: true });
    try {
      writeFileSync(temporary, bytes, { mode: FILE_MODE, flag: 'wx' });
      linkSync(temporary, path);
    } catch (thrown) {
      if (codeOf(thrown) !== 'EEXIST') throw thrown;
    } finally {
      rmSync(temporary, { force: true });
    }
    for (const name of readdirSync(this.#directory)) {
      const other = join(this.#directory, name);
      if (name.startsWith(`${GRANTED_UDP_PORTS}.`) && !other.startsWith(path)) rmSync(other, { force: true });
    }
  }
}

const REMEDY =
  'Identification of root over UDP depends on this file. Check the permissions and free space of its directory.';
