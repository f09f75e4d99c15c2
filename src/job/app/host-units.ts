// The units that the host has files of, and which unit each socket activates.
import { requireFailure } from '../../base/errors.ts';
import { UNIT_FILE_MAX_BYTES, UNIT_FILES_MAX } from '../../base/limits.ts';
import { type PossibleUnit, pickUnit } from '../../base/unit.ts';
import type { Files } from '../../host/host.ts';
import { templateFile, UNIT_DIRECTORIES, unitSetting, withSpecifiers } from '../../text/unit-file.ts';

/** What it takes to look at them. */
export type UnitReader = Pick<Files, 'readText' | 'names'>;

const isSocket = (unit: string): boolean => unit.endsWith('.socket');

/** Changes whenever a unit file comes or goes. */
export function stampOfUnits(files: Pick<Files, 'stamp'>): string {
  return UNIT_DIRECTORIES.map((directory) => files.stamp(directory)).join(' ');
}

/** Every service and socket that there is a file of, and every template. */
export function hostUnits(files: UnitReader): PossibleUnit[] {
  const names = new Set(UNIT_DIRECTORIES.flatMap((directory) => namesIn(files, directory)));
  return [...names]
    .filter((name) => pickUnit(name) === 'take')
    .slice(0, UNIT_FILES_MAX)
    .map((unit) => ({ unit, activates: activatedBy(files, unit) }));
}

/** The unit that a socket activates (systemd.socket(5): Service=); undefined where it is the one of its own name. */
export function activatedBy(files: UnitReader, unit: string): string | undefined {
  if (!isSocket(unit)) return undefined;
  let activates: string | undefined;
  for (const path of filesOf(files, unit)) {
    const text = textOf(files, path);
    activates = (text && unitSetting(text, 'Socket', 'Service')) ?? activates;
  }
  return activates && withSpecifiers(activates, unit);
}

/** The file of a unit, or of its template, and what is dropped in, in the order in which it is read. */
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

/** What cannot be read says nothing: a unit is then known by its own name. */
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
