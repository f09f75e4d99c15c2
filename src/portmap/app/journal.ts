// The log of registrations: every change is in it before its caller hears of it, so that a crash loses nothing.
import { type Bytes, bytesOf } from '../../base/bytes.ts';
import { LOG_COMPACT_MIN_BYTES } from '../../base/limits.ts';
import type { LogFile } from '../../host/host.ts';
import type { Liveness, SeenSocket } from '../core/liveness.ts';
import type { ChangeLog, Registration, Unwritten } from '../core/registrations.ts';
import {
  decodeLogHeader,
  encodeLogHeader,
  isUnfinished,
  LOG_HEADER_BYTES,
  LOG_RECORD_MAX_BYTES,
  type LogContents,
  type LoggedChange,
  type LoggedSet,
  readLog,
  writeLogRecord,
} from '../wire/registration-log.ts';

/** Which of the two files. */
type LogIndex = 0 | 1;

/** A file that cannot be gone on with: it is to be kept under another name, because something is wrong with it. */
export interface SetAside {
  readonly file: LogIndex;
  /** A word for its new name, and what it means. */
  readonly word: 'damaged' | 'other-boot';
  readonly reason: string;
}

interface Recovered {
  /** In the order in which they were made. */
  readonly changes: readonly LoggedChange[];
  readonly setAside: readonly SetAside[];
}

/** After the log could not be written anew, that is tried again so much later. */
const RETRY_MS = 1000;
/** The records that are written at once when the log is written anew. */
const CHUNK_BYTES = 64 * 1024;

/**
 * Two files, one of which is in use. When it has grown long the table is written to the other one, whose header, the
 * mark that it is whole, comes last; from then on that one is in use. At each moment one of them has everything.
 */
export class Journal implements ChangeLog {
  readonly #files: readonly [LogFile, LogFile];
  readonly #stamp: string;
  readonly #liveness: Pick<Liveness, 'socketOf'>;
  readonly #chunk: Bytes = bytesOf(new Uint8Array(CHUNK_BYTES));
  #active: LogIndex = 0;
  #generation = 0;
  /** Where the next record goes; undefined while there is no log to write to. */
  #end: number | undefined;
  #compactAt = LOG_COMPACT_MIN_BYTES;
  #nextTryAt = 0;
  /** Why the last change could not be written; empty if it could. */
  failure = 'there is no log yet';

  /** `stamp` names the boot and the network namespace; `liveness` knows each registration's socket. */
  constructor(files: readonly [LogFile, LogFile], stamp: string, liveness: Pick<Liveness, 'socketOf'>) {
    this.#files = files;
    this.#stamp = stamp;
    this.#liveness = liveness;
  }

  /** Reads what the files hold. Nothing is written: start() comes after what is wrong was set aside. */
  recover(): Recovered {
    const setAside: SetAside[] = [];
    const found = ([0, 1] as const).flatMap((file) => {
      const log = this.#files[file].read();
      const header = decodeLogHeader(log);
      if (header?.stamp === this.#stamp) return [{ file, generation: header.generation, ...readLog(log) }];
      if (header)
        setAside.push({ file, word: 'other-boot', reason: `it is of ${header.stamp}, not ${this.#stamp}` });
      else if (!isUnfinished(log)) setAside.push({ file, word: 'damaged', reason: 'its header is damaged' });
      return [];
    });
    found.sort((a, b) => a.generation - b.generation);
    for (const { file, tail, end } of found) {
      const reason = `its record at byte ${end} is damaged`;
      if (tail === 'damaged') setAside.push({ file, word: 'damaged', reason });
    }
    this.#goOnWith(found.at(-1));
    return { changes: changesOf(found), setAside };
  }

  #goOnWith(newest: FoundLog | undefined): void {
    this.#active = newest?.file ?? 0;
    this.#generation = newest?.generation ?? 0;
    this.#end = newest && newest.tail !== 'damaged' ? newest.end : undefined;
  }

  /** Begins a log with the registrations that there are; if that cannot be written, the one found is gone on with. */
  start(registrations: Iterable<Registration>): void {
    if (this.#rewrite(registrations) || this.#end === undefined) return;
    this.#files[this.#active].truncate(this.#end);
  }

  adding(registration: Registration): Unwritten | undefined {
    return this.#append(this.#loggedSet(registration));
  }

  removing({ program, version, netid }: Registration): Unwritten | undefined {
    return this.#append({ kind: 'unset', program, version, netid });
  }

  /** The socket of a registration was seen for the first time; that is lost, and looked for again, if it fails. */
  found({ program, version, netid }: Registration, socket: SeenSocket): void {
    this.#append({ kind: 'found', program, version, netid, socket });
  }

  /**
   * Writes the log anew where it has grown long, or where there is none because none could be written; to be called
   * between changes, with monotonic milliseconds.
   */
  compactIfLong(registrations: Iterable<Registration>, now: number): void {
    const isDue = this.#end === undefined || this.#end >= this.#compactAt;
    if (!isDue || now < this.#nextTryAt) return;
    if (!this.#rewrite(registrations)) this.#nextTryAt = now + RETRY_MS;
  }

  #loggedSet(registration: Registration): LoggedSet {
    return loggedSet(registration, this.#liveness.socketOf(registration));
  }

  #append(change: LoggedChange): Unwritten | undefined {
    if (this.#end === undefined) return { refused: 'UNWRITTEN', failure: this.failure };
    const file = this.#files[this.#active];
    const length = writeLogRecord(this.#chunk, 0, change);
    const failure = file.write(this.#chunk.u8.subarray(0, length), this.#end);
    this.failure = failure ?? '';
    if (failure !== undefined) {
      // What was written of it would look damaged behind a shorter record.
      file.truncate(this.#end);
      return { refused: 'UNWRITTEN', failure };
    }
    this.#end += length;
    return undefined;
  }

  /** Writes the table to the file that is not in use, and goes over to it when it is whole. */
  #rewrite(registrations: Iterable<Registration>): boolean {
    const target: LogIndex = this.#active === 0 ? 1 : 0;
    const file = this.#files[target];
    file.truncate(0);
    const written = this.#writeAll(file, registrations);
    const header = encodeLogHeader({ generation: this.#generation + 1, stamp: this.#stamp });
    const failure = typeof written === 'string' ? written : file.write(header, 0);
    this.failure = failure ?? '';
    if (typeof written === 'string' || failure !== undefined) {
      file.truncate(0);
      return false;
    }
    // What could not be gone on with was set aside: it is not to be found, and set aside, again.
    if (this.#end === undefined) this.#files[this.#active].truncate(0);
    this.#active = target;
    this.#generation++;
    this.#end = written;
    this.#compactAt = Math.max(LOG_COMPACT_MIN_BYTES, written * 4);
    return true;
  }

  /** Writes a record for each registration; gives where they end, or the name of the errno. */
  #writeAll(file: LogFile, registrations: Iterable<Registration>): number | string {
    let end = LOG_HEADER_BYTES;
    let filled = 0;
    for (const registration of registrations) {
      if (registration.builtIn) continue;
      if (filled > CHUNK_BYTES - LOG_RECORD_MAX_BYTES) {
        const failure = file.write(this.#chunk.u8.subarray(0, filled), end);
        if (failure !== undefined) return failure;
        end += filled;
        filled = 0;
      }
      filled += writeLogRecord(this.#chunk, filled, this.#loggedSet(registration));
    }
    return file.write(this.#chunk.u8.subarray(0, filled), end) ?? end + filled;
  }
}

/** A registration as the log has it, with its socket where that is known. */
export function loggedSet(registration: Registration, socket: SeenSocket | undefined): LoggedSet {
  const { program, version, netid, uaddr, owner, isElsewhere = false } = registration;
  return {
    kind: 'set',
    program,
    version,
    netid,
    uaddr,
    owner,
    isElsewhere,
    socket,
  };
}

/** A log that is ours. */
interface FoundLog extends LogContents {
  readonly file: LogIndex;
  readonly generation: number;
}

/**
 * The changes to be made again. The newer log begins with the whole table. Where it is damaged, what it lost may
 * still be in the older one, which ends with the table that the newer one began with.
 */
function changesOf(found: readonly FoundLog[]): LoggedChange[] {
  const newest = found.at(-1);
  const logs = newest?.tail === 'damaged' ? found : found.slice(-1);
  return logs.flatMap(({ changes }) => changes);
}
