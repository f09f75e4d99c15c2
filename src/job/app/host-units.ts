// Reads the unit files of the host, and determines which service each socket unit activates.
import { requireFailure } from '../../base/errors.ts';
import { UNIT_FILE_MAX_BYTES, UNIT_FILES_MAX } from '../../base/limits.ts';
import { type PossibleUnit, pickUnit } from '../../base/unit.ts';
import type { Files } from '../../host/host.ts';
import { templateFile, UNIT_DIRECTORIES, unitSetting, withSpecifiers } from '../../text/unit-file.ts';

export type UnitReader = Pick<Files, 'readText' | 'names'>;

const isSocket = (unit: string): boolean => unit.endsWith('.socket');

/** Changes whenever a unit file is added or removed. */
export function stampOfUnits(files: Pick<Files, 'stamp'>): string {
  return UNIT_DIRECTORIES.map((directory) => files.stamp(directory)).join(' ');
}

/** Every service, socket, and template that has a file. */
export function hostUnits(files: UnitReader): PossibleUnit[] {
  const names = new Set(UNIT_DIRECTORIES.flatMap((directory) => namesIn(files, directory)));
  return [...names]
    .filter((name) => pickUnit(name) === 'take')
    .slice(0, UNIT_FILES_MAX)
    .map((unit) => ({ unit, activates: activatedBy(files, unit) }));
}

/** The unit that a socket activates (systemd.socket(5): Service=); undefined if it is the one with the same name. */
export function activatedBy(files: UnitReader, unit: string): string | undefined {
  if (!isSocket(unit)) return undefined;
  let activates: string | undefined;
  for (const path of filesOf(files, unit)) {
    const text = textOf(files, path);
    activates = (text && unitSetting(text, 'Socket', 'Service')) ?? activates;
  }
  return activates && withSpecifiers(activates, unit);
}

/** The file of a unit or its template, followed by its drop-ins, in the order in which they are read. */
function filesOf(files: UnitReader, unit: string): string[] {
  const names = [unit, templateFile(unit)].filter((name) => name !== undefined);
  const main = names
    .flatMap((name) => UNIT_DIRECTORIES.map((directory) => `${directory}/${name}`))
    .find((path) => textOf(files, path) !== undefined);
  const dropIns = new Map<string, string>();
  for (const name of names) {
    for (const directory of UNIT_DIRECTORIES.map((each) => `${each}/${name}.d`)) {
      for (const file of namesIn(files, directory)) {
        if (file.endsWith('.conf') && !dropIns.has(file)) dropIns.set(file, `${directory}/${file}`);
      }
    }
  }
  const sorted = [...dropIns].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, path]) => path);
  return main === undefined ? sorted : [main, ...sorted];
}

/** An unreadable directory counts as empty: a unit then has only its own name. */
function namesIn(files: UnitReader, directory: string): readonly string[] {
  try {
    return files.names(directory);
  } catch (thrown) {
    requireFailure(thrown);
    return [];
  }
}

function textOf(files: UnitReader, path: string): string | undefined {
  try {
    return files.readText(path, UNIT_FILE_MAX_BYTES);
  } catch (thrown) {
    requireFailure(thrown);
    return undefined;
  }
}
