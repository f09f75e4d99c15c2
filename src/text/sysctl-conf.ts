// sysctl.d(5) and sysctl.conf(5): what the kernel's settings are to be after a boot, and which file says so.
import { Findings, shown, type TextSource } from './findings.ts';
import { matchesGlob } from './glob.ts';
import type { Diagnostic, Place } from './source.ts';

/** Who sets them at boot: systemd-sysctl(8), or procps's `sysctl --system` (sysctl(8)). */
export type SysctlReader = 'systemd' | 'procps';

/** The directories of such files; one in an earlier directory hides one of the same name in a later one. */
export const SYSCTL_DIRECTORIES: readonly string[] = [
  '/etc/sysctl.d',
  '/run/sysctl.d',
  '/usr/local/lib/sysctl.d',
  '/usr/lib/sysctl.d',
  '/lib/sysctl.d',
];
/** The file that procps reads after all others; systemd only where a link in a directory leads to it. */
export const SYSCTL_CONF = '/etc/sysctl.conf';

/** A line that sets something. */
export interface SysctlSetting {
  /** Below /proc/sys: "net/ipv4/ip_local_port_range"; it may be a pattern (glob(7)). */
  readonly path: string;
  /** Undefined for "-KEY" alone: no pattern sets it. */
  readonly value: string | undefined;
  readonly place: Place;
}

/** What a file sets, in its order, and what is said about its lines. */
interface SysctlConf {
  readonly settings: readonly SysctlSetting[];
  readonly diagnostics: readonly Diagnostic[];
}

/** Reads a file. A line that is no assignment is told and does not count. */
export function parseSysctlConf(source: TextSource): SysctlConf {
  const findings = new Findings(source);
  const settings: SysctlSetting[] = [];
  let start = 0;
  for (const line of source.text.split('\n')) {
    const said = line.trim();
    const at = start + line.indexOf(said);
    start += line.length + 1;
    if (said === '' || said.startsWith('#') || said.startsWith(';')) continue;
    const span = { start: at, end: at + said.length };
    const setting = settingOf(said);
    if (setting) settings.push({ ...setting, place: findings.place(span) });
    else
      findings.error(span, { code: 'SYSCTL_LINE', message: `${shown(said)} sets nothing`, hint: LINE_HINT });
  }
  return { settings, diagnostics: findings.diagnostics() };
}

const LINE_HINT = 'A line is KEY = VALUE, such as net.ipv4.ip_local_port_range = 32768 60999';

function settingOf(line: string): Pick<SysctlSetting, 'path' | 'value'> | undefined {
  const equals = line.indexOf('=');
  const key = (equals < 0 ? line : line.slice(0, equals)).trim();
  const isBare = equals < 0;
  // "-" before a key: it may fail. Without a value: it is kept from patterns.
  if (isBare && !key.startsWith('-')) return undefined;
  const path = sysctlPath(key.replace(/^-\s*/, ''));
  return path === '' ? undefined : { path, value: isBare ? undefined : line.slice(equals + 1).trim() };
}

/**
 * The path of a setting below /proc/sys: where a dot comes first, dots and slashes change places; a key that has a
 * slash first is a path already (sysctl.d(5)).
 */
export function sysctlPath(key: string): string {
  const separator = /[./]/.exec(key)?.[0];
  if (separator !== '.') return key;
  return key.replace(/[./]/g, (found) => (found === '.' ? '/' : '.'));
}

/** Of the paths of files those that count, in the order in which they are read. */
export function sysctlFiles(paths: readonly string[], reader: SysctlReader): string[] {
  const byName = new Map<string, string>();
  for (const directory of SYSCTL_DIRECTORIES) {
    for (const path of paths) {
      const name = path.slice(directory.length + 1);
      const isIn = path.startsWith(`${directory}/`) && name.endsWith('.conf') && !name.includes('/');
      if (isIn && !byName.has(name)) byName.set(name, path);
    }
  }
  const sorted = [...byName].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, path]) => path);
  return reader === 'procps' && paths.includes(SYSCTL_CONF) ? [...sorted, SYSCTL_CONF] : sorted;
}

/**
 * The line that a setting has its value from after a boot, of the lines of all files in the order in which they are
 * read: the last that names it, or else the last whose pattern it matches. Undefined where none does.
 */
export function settingAtBoot(settings: readonly SysctlSetting[], key: string): SysctlSetting | undefined {
  const path = sysctlPath(key);
  const named = settings.findLast((setting) => setting.path === path);
  if (named) return named.value === undefined ? undefined : named;
  return settings.findLast((setting) => setting.value !== undefined && matchesGlob(setting.path, path));
}
