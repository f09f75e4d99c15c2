// An archive of applied profiles in memory.
import { PortreeveError } from '../../../src/base/errors.ts';
import type {
  NewRevision,
  ProfileArchive,
  Revision,
  RevisionHead,
} from '../../../src/profile/core/archive.ts';

export class SimProfileArchive implements ProfileArchive {
  readonly #revisions: Revision[] = [];
  readonly #trials = new Set<number>();

  heads(): RevisionHead[] {
    return this.#revisions.map(({ texts, racf: _racf, ...rest }) => ({
      ...rest,
      paths: texts.map(({ path }) => path),
    }));
  }

  read(number: number): Revision | undefined {
    return this.#revisions[number - 1];
  }

  append(revision: NewRevision, after: number, isOnTrial = false): number {
    const latest = this.#revisions.length;
    if (latest !== after) {
      const message = `revision ${latest} was recorded in the meantime`;
      throw new PortreeveError('ARCHIVE_MOVED', message, '', { latest, after });
    }
    this.#revisions.push(structuredClone({ number: latest + 1, ...revision }));
    if (isOnTrial) this.#trials.add(latest + 1);
    return latest + 1;
  }

  onTrial(): number | undefined {
    const latest = this.#revisions.length;
    return this.#trials.has(latest) ? latest : undefined;
  }

  keep(number: number): void {
    this.#trials.delete(number);
  }
}
