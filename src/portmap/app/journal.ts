// The registration log: every change is written before its reply is sent, so that a crash loses no registration.
import { type Bytes, bytesOf } from '../../base/bytes.ts';
import { LOG_COMPACT_MIN_BYTES } from '../../base/limits.ts';
import type { LogFile } from '../../host/host.ts';
import type { Liveness, ObservedSocket } from '../core/liveness.ts';
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

/** A log file that cannot be continued, and of which a copy is to be kept. */
export interface SetAside {
  readonly file: LogIndex;
  /** Part of the name of the copy. */
  readonly word: 'damaged' | 'other-boot';
  readonly reason: string;
}

interface Recovered {
  /** Oldest first. */
  readonly changes: readonly LoggedChange[];
  readonly setAside: readonly SetAside[];
}

/** The delay before another attempt to rewrite the log. */
const RETRY_MS = 1000;
/** The size of a write when the log is rewritten. */
const CHUNK_BYTES = 64 * 1024;

/**
 * Two files, one of which is active. When the active file has grown long, the table is written to the other one. Its
 * header is written last and marks it as complete; from then on it is the active file. At every moment one of the files
 * is complete.
 */
export class Journal implements ChangeLog {
  readonly #files: readonly [LogFile, LogFile];
  readonly #stamp: string;
  readonly #liveness: Pick<Liveness, 'socketOf'>;
  readonly #chunk: Bytes = bytesOf(new Uint8Array(CHUNK_BYTES));
  #active: LogIndex = 0;
  #generation = 0;
  /** The offset of the next record; undefined while no log can be written. */
  #end: number | undefined;
  #compactAt = LOG_COMPACT_MIN_BYTES;
  #nextTryAt = 0;
  /** Why the last write failed; empty if it succeeded. */
  failure = 'there is no log yet';

  /** `stamp` identifies the boot and the network namespace; `liveness` has the socket of each registration. */
  constructor(files: readonly [LogFile, LogFile], stamp: string, liveness: Pick<Liveness, 'socketOf'>) {
    this.#files = files;
    this.#stamp = stamp;
    this.#liveness = liveness;
  }

  /** Reads the files and writes nothing. Call start() after the files of `setAside` have been copied. */
  recover(): Recovered {
    const setAside: SetAside[] = [];
    const found = ([0, 1] as const).flatMap((file) => {
      const log = this.#files[file].read();
      const header = decodeLogHeader(log);
      if (header?.stamp === this.#stamp) return [{ file, generation: header.generation, ...readLog(log) }];
      if (header)
        setAside.push({
          file,
          word: 'other-boot',
          reason: `it belongs to ${header.stamp}, not ${this.#stamp}`,
        });
      else if (!isUnfinished(log)) setAside.push({ file, word: 'damaged', reason: 'its header is damaged' });
      return [];
    });
    found.sort((a, b) => a.generation - b.generation);
    for (const { file, tail, end } of found) {
      const reason = `its record at byte ${end} is damaged`;
      if (tail === 'damaged') setAside.push({ file, word: 'damaged', reason });
    }
    this.#resume(found.at(-1));
    return { changes: changesOf(found), setAside };
  }

  #resume(newest: FoundLog | undefined): void {
    this.#active = newest?.file ?? 0;
    this.#generation = newest?.generation ?? 0;
    this.#end = newest && newest.tail !== 'damaged' ? newest.end : undefined;
  }

  /** Starts a new log with the current registrations; if that cannot be written, continues the one that was found. */
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

  /** Logs the socket of a registration. If the write fails, the socket is looked up again after a restart. */
  found({ program, version, netid }: Registration, socket: ObservedSocket): void {
    this.#append({ kind: 'found', program, version, netid, socket });
  }

  /**
   * Rewrites the log if it has grown long, or if there is none because a write failed. To be called between changes,
   * with monotonic milliseconds.
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
      // The remains of a partial write would look like damage after the next, shorter record.
      file.truncate(this.#end);
      return { refused: 'UNWRITTEN', failure };
    }
    this.#end += length;
    return undefined;
  }

  /** Writes the table to the inactive file, and makes it the active one when it is complete. */
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
    // A file that could not be continued has been copied: remove it, so that it is not copied again.
    if (this.#end === undefined) this.#files[this.#active].truncate(0);
    this.#active = target;
    this.#generation++;
    this.#end = written;
    this.#compactAt = Math.max(LOG_COMPACT_MIN_BYTES, written * 4);
    return true;
  }

  /** Writes a record for each registration; returns the end offset, or the name of the errno. */
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

/** The log record of a registration, with its socket if that is known. */
export function loggedSet(registration: Registration, socket: ObservedSocket | undefined): LoggedSet {
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

/** A log of this boot and network namespace. */
interface FoundLog extends LogContents {
  readonly file: LogIndex;
  readonly generation: number;
}

/**
 * The changes to replay. The newer log begins with the complete table. If it is damaged, the lost records may still be
 * in the older one, whose final state is the table that the newer one begins with.
 */
function changesOf(found: readonly FoundLog[]): LoggedChange[] {
  const newest = found.at(-1);
  const logs = newest?.tail === 'damaged' ? found : found.slice(-1);
  return logs.flatMap(({ changes }) => changes);
}
