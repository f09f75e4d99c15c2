// Parses sysctl.d(5) and sysctl.conf(5), and finds the line that determines a kernel setting after boot.
// it.
import { Findings, shown, type TextSource } from './findings.ts';
import { matchesGlob } from './glob.ts';
import type { Diagnostic, Place } from './source.ts';

/** The program that applies the files at boot: systemd-sysctl(8), or `sysctl --system` of procps (sysctl(8)). */
export type SysctlReader = 'systemd' | 'procps';

/** A file in an earlier directory hides a file with the same name in a later one. */
export const SYSCTL_DIRECTORIES: readonly string[] = [
  '/etc/sysctl.d',
  '/run/sysctl.d',
  '/usr/local/lib/sysctl.d',
  '/usr/lib/sysctl.d',
  '/lib/sysctl.d',
];
/** procps reads this file last. systemd reads it only if a link in one of the directories refers to it. */
export const SYSCTL_CONF = '/etc/sysctl.conf';

/** An assignment. */
export interface SysctlSetting {
  /** Below /proc/sys: "net/ipv4/ip_local_port_range". May be a pattern (glob(7)). */
  readonly path: string;
  /** Undefined for "-KEY" alone, which excludes the setting from patterns. */
  readonly value: string | undefined;
  readonly place: Place;
}

/** The assignments of a file in order, and diagnostics. */
interface SysctlConf {
  readonly settings: readonly SysctlSetting[];
  readonly diagnostics: readonly Diagnostic[];
}

/** Parses a file. A line that is not an assignment is reported and ignored. */
export function parseSysctlConf(source: TextSource): SysctlConf {
  const findings = new Findings(source);
  const settings: SysctlSetting[] = [];
  let start = 0;
  for (const line of source.text.split('\n')) {
    const content = line.trim();
    const at = start + line.indexOf(content);
    start += line.length + 1;
    if (content === '' || content.startsWith('#') || content.startsWith(';')) continue;
    const span = { start: at, end: at + content.length };
    const setting = settingOf(content);
    if (setting) settings.push({ ...setting, place: findings.place(span) });
    else
      findings.error(span, {
        code: 'SYSCTL_LINE',
        message: `${shown(content)} is not an assignment`,
        hint: LINE_HINT,
      });
  }
  return { settings, diagnostics: findings.diagnostics() };
}

const LINE_HINT = 'A line has the form KEY = VALUE, such as net.ipv4.ip_local_port_range = 32768 60999';

function settingOf(line: string): Pick<SysctlSetting, 'path' | 'value'> | undefined {
  const equals = line.indexOf('=');
  const key = (equals < 0 ? line : line.slice(0, equals)).trim();
  const isBare = equals < 0;
  // "-" before a key: errors are ignored. Without a value, it excludes the key from patterns.
  if (isBare && !key.startsWith('-')) return undefined;
  const path = sysctlPath(key.replace(/^-\s*/, ''));
  return path === '' ? undefined : { path, value: isBare ? undefined : line.slice(equals + 1).trim() };
}

/**
 * The path of a setting below /proc/sys. If the first separator is a dot, dots and slashes are exchanged. If it is a
 * slash, the key is already a path (sysctl.d(5)).
 */
export function sysctlPath(key: string): string {
  const separator = /[./]/.exec(key)?.[0];
  if (separator !== '.') return key;
  return key.replace(/[./]/g, (found) => (found === '.' ? '/' : '.'));
}

/** Selects the files that take effect, in the order in which they are read. */
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
 * The assignment that determines a setting after boot, given those of all files in the order in which they are read:
 * the last that names the setting, or else the last with a matching pattern.
 */
export function settingAtBoot(settings: readonly SysctlSetting[], key: string): SysctlSetting | undefined {
  const path = sysctlPath(key);
  const named = settings.findLast((setting) => setting.path === path);
  if (named) return named.value === undefined ? undefined : named;
  return settings.findLast((setting) => setting.value !== undefined && matchesGlob(setting.path, path));
}
