// The map `units`: the names of units, which the kernel looks up when a cgroup is created, and their jobs.

import { PROFILE_UNITS_MAX } from '../../base/limits.ts';
import { jobOfUnit, type PossibleUnit } from '../../base/unit.ts';
import { UNIT_NAME_BYTES } from './layout.ts';
import type { GuardTables, MapEntry } from './tables.ts';

const SUFFIXES = ['.service', '.socket'] as const;
const TEMPLATE = /^([^@]+)@\.(?:service|socket)$/;

/** The entries: names without wildcards in the profile, and units that have a file on this host. */
export function unitEntries(
  tables: Pick<GuardTables, 'job' | 'instances' | 'names'>,
  units: readonly PossibleUnit[],
): MapEntry[] {
  const values = new Map<string, Uint8Array>();
  const putUnit = (unit: string, activates?: string) => {
    const named = jobOfUnit(unit, activates);
    if ('job' in named) values.set(unit.toUpperCase(), tables.job(named.job));
  };
  const putTemplate = (template: string) => {
    const named = jobOfUnit(template);
    if ('job' in named) values.set(`${named.job.name}@`, tables.instances(named.job.name));
  };
  for (const name of tables.names.slice(0, PROFILE_UNITS_MAX)) {
    for (const suffix of SUFFIXES) putUnit(`${name}${suffix}`);
    if (!name.includes('@')) putTemplate(name);
  }
  for (const { unit, activates } of units) {
    const template = TEMPLATE.exec(unit)?.[1];
    if (template === undefined) putUnit(unit, activates);
    else putTemplate(template);
  }
  return [...values].flatMap(([name, value]) => {
    const key = keyOf(name);
    return key ? [{ key, value }] : [];
  });
}

/** The name padded with zeros; undefined where it is too long for a job. */
function keyOf(name: string): Uint8Array | undefined {
  const text = new TextEncoder().encode(name);
  if (text.length > UNIT_NAME_BYTES) return undefined;
  const key = new Uint8Array(UNIT_NAME_BYTES);
  key.set(text);
  return key;
}
