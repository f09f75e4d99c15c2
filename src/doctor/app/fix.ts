// The use cases of `portreeve doctor --fix` and `--undo`: plan changes of kernel settings and files, record them, apply
// them, and undo them.
import { PortreeveError, requireFailure } from '../../base/errors.ts';
import { DOCTOR_FILE_MAX_BYTES } from '../../base/limits.ts';
import type { PortRange } from '../../base/port.ts';
import type { SysctlChange } from '../../base/sysctl-change.ts';
import { reservedPorts } from '../../guard/core/port-settings.ts';
import type { SysctlRecord, Sysctls } from '../../host/host.ts';
import { type BootFiles, bootSettings } from '../../names/app/boot-settings.ts';
import { RESERVED_PORTS } from '../../names/core/kernel-ports.ts';
import { profileInForce } from '../../profile/app/in-force.ts';
import { formatPortList, parsePortList } from '../../text/port-list.ts';
import type { SysctlReader } from '../../text/sysctl-conf.ts';
import type { FileChange, FileRecord } from '../core/file-record.ts';
import type { Finding } from '../core/findings/checks/all.ts';
import type { Remedy } from '../core/findings/finding.ts';
import { addToBlacklist } from '../text/bindresvport.ts';
import { BLACKLIST_FILE, type SnapshotDeps } from './snapshot.ts';

/** Named so that it is read after all other files of sysctl.d(5): each line replaces the list of earlier ones. */
export const BOOT_FILE = '/etc/sysctl.d/zz-portreeve-doctor.conf';
const BOOT_DIRECTORY = '/etc/sysctl.d';
const BOOT_HEAD =
  '# Reserved ports: those of the other files, and those that portreeve doctor added.\n' +
  '# portreeve doctor --undo removes this file.';
const BOOT_LINE = /^net\.ipv4\.ip_local_reserved_ports\s*=(.*)$/m;

export interface FixDeps {
  /** Undefined where the files belong to another system: then the settings of this kernel are not changed. */
  readonly sysctls: Sysctls | undefined;
  readonly sysctlRecord: SysctlRecord;
  readonly files: BootFiles;
  readonly reader: SysctlReader;
  readonly put: (path: string, text: string) => void;
  readonly remove: (path: string) => void;
  readonly fileRecord: FileRecord;
  /** Holds a lock during a change, so that concurrent runs cannot corrupt the records. */
  readonly exclusively: <Result>(act: () => Result) => Result;
}

interface SettingFix {
  readonly name: string;
  readonly from: string;
  readonly to: string;
}

/** The changes that are still to be made. */
export interface FixPlan {
  readonly settings: readonly SettingFix[];
  readonly files: readonly FileChange[];
  /** What must also be done by hand, a sentence each. */
  readonly notes: readonly string[];
}

/** Applies a remedy and returns the changes. Throws PortreeveError (environment) on failure. */
export function fix(remedy: Remedy, deps: FixDeps): FixPlan {
  return deps.exclusively(() => {
    const plan = planFix(remedy, deps);
    if (!isDone(plan)) carryOutFix(plan, deps);
    return plan;
  });
}

/**
 * The fix of a finding; undefined where there is none, or where a file cannot be read: fix() then throws the reason.
 */
export function fixOf({ remedy }: Pick<Finding, 'remedy'>, deps: FixDeps): FixPlan | undefined {
  try {
    return remedy && planFix(remedy, deps);
  } catch (thrown) {
    requireFailure(thrown);
    return undefined;
  }
}

/** Plans a remedy. Throws PortreeveError (environment) where settings or files cannot be read. */
export function planFix(remedy: Remedy, deps: FixDeps): FixPlan {
  const ports = portsOf(remedy.reserve);
  const boot = ports.size > 0 ? bootFix(ports, deps) : undefined;
  const blacklist = remedy.blacklist.size > 0 ? blacklistFix(remedy.blacklist, deps) : undefined;
  const files = [boot, blacklist].filter((each) => each !== undefined && each.before !== each.after);
  return {
    settings: ports.size > 0 ? settingFix(ports, deps) : [],
    files: files.flatMap((each) => each ?? []),
    notes: boot ? overriddenNotes(boot, deps) : [],
  };
}

/** Whether there is nothing to do. */
export function isDone({ settings, files }: Pick<FixPlan, 'settings' | 'files'>): boolean {
  return settings.length + files.length === 0;
}

/** The commands equivalent to the setting changes of a plan. */
export function commandsOf({ settings }: Pick<FixPlan, 'settings'>): string[] {
  return settings.map(
    ({ name, to }) => `sysctl -w ${name}=${to.includes(' ') || to === '' ? `"${to}"` : to}`,
  );
}

function portsOf(ranges: readonly PortRange[]): Set<number> {
  const ports = new Set<number>();
  for (const { first, last } of ranges) for (let port = first; port <= last; port++) ports.add(port);
  return ports;
}

function settingFix(ports: ReadonlySet<number>, { sysctls }: FixDeps): SettingFix[] {
  const text = sysctls?.read(RESERVED_PORTS);
  if (text === undefined) return [];
  const current = parsePortList(text);
  const [from, to] = [formatPortList(current), formatPortList(current.union(ports))];
  return from === to ? [] : [{ name: RESERVED_PORTS, from, to }];
}

/** The new list: the ports of the other files, those already in our file, and the added ones. */
function bootFix(ports: ReadonlySet<number>, deps: FixDeps): FileChange {
  const { files } = deps;
  const before = textOf(files, BOOT_FILE);
  const others: BootFiles = {
    ...files,
    names: (directory) => {
      return files.names(directory).filter((name) => `${directory}/${name}` !== BOOT_FILE);
    },
  };
  const inOthers = listIn(bootSettings(others, deps.reader).of(RESERVED_PORTS)?.value);
  const own = listIn(BOOT_LINE.exec(before ?? '')?.[1]);
  const line = `${RESERVED_PORTS} = ${formatPortList(inOthers.union(own).union(ports))}`;
  const present = before ?? BOOT_HEAD;
  const after = BOOT_LINE.test(present) ? present.replace(BOOT_LINE, line) : `${present}\n${line}\n`;
  return { path: BOOT_FILE, before, after };
}

/** The text of a file to change. The user did not name the file, so that a fault in it is not a usage error. */
function textOf(files: BootFiles, path: string): string | undefined {
  try {
    return files.readText(path, DOCTOR_FILE_MAX_BYTES);
  } catch (thrown) {
    if (!(thrown instanceof PortreeveError) || thrown.kind !== 'usage') throw thrown;
    throw new PortreeveError('FILE_UNREADABLE', thrown.message, 'Move it away.', { path });
  }
}

/** The ports in a list; empty where the kernel would reject the list. */
function listIn(text: string | undefined): Set<number> {
  try {
    return parsePortList(text?.trim() ?? '');
  } catch (thrown) {
    requireFailure(thrown);
    return new Set();
  }
}

function blacklistFix(ports: ReadonlyMap<number, string>, { files }: FixDeps): FileChange {
  const before = textOf(files, BLACKLIST_FILE);
  return { path: BLACKLIST_FILE, before, after: addToBlacklist(before ?? '', ports) };
}

/** procps reads /etc/sysctl.conf last. */
function overriddenNotes(boot: FileChange, { files, reader }: FixDeps): string[] {
  const planned: BootFiles = {
    names: (directory) => {
      const names = files.names(directory);
      return directory === BOOT_DIRECTORY ? [...names, BOOT_FILE.slice(BOOT_DIRECTORY.length + 1)] : names;
    },
    readText: (path, maxBytes) => (path === BOOT_FILE ? boot.after : files.readText(path, maxBytes)),
  };
  const place = bootSettings(planned, reader).of(RESERVED_PORTS)?.place;
  if (!place || place.file === BOOT_FILE) return [];
  return [`${place.file}:${place.line} overrides ${RESERVED_PORTS} of ${BOOT_FILE}: remove that line`];
}

/** Records a plan, then applies it. Throws PortreeveError (environment); planUndo() can undo a partial change. */
export function carryOutFix({ settings, files }: FixPlan, deps: FixDeps): void {
  if (files.length > 0) writeFiles(files, deps);
  const { sysctls } = deps;
  if (sysctls) for (const setting of settings) writeSetting(setting, sysctls, deps.sysctlRecord);
}

/** Until all files are written, each can have the old or the new text: both are recorded. */
function writeFiles(files: readonly FileChange[], { fileRecord, put }: FixDeps): void {
  const recorded = fileRecord.read();
  const changes = files.map((each) => sinceFirst(each, recorded));
  const others = recorded.filter(({ path }) => !files.some((each) => each.path === path));
  fileRecord.write([...recorded, ...changes]);
  for (const { path, after } of files) put(path, after);
  fileRecord.write([...others, ...changes]);
}

function writeSetting({ name, from, to }: SettingFix, sysctls: Sysctls, record: SysctlRecord): void {
  const recorded = record.read();
  const others = recorded.filter((each) => each.name !== name);
  const earlier = recorded.find((each) => each.name === name);
  const change = addedTo(earlier, { name, from, to });
  record.write([...others, { ...change, before: from }]);
  write(sysctls, name, to);
  record.write([...others, change]);
}

/** Keeps the original text of a file that the doctor changed earlier, unless the file was changed since. */
function sinceFirst(change: FileChange, recorded: readonly FileChange[]): FileChange {
  const earlier = recorded.find(({ path, after }) => path === change.path && after === change.before);
  return earlier ? { ...change, before: earlier.before } : change;
}

/** Records in `found` the list without the ports that the doctor added, now or earlier. */
function addedTo(earlier: SysctlChange | undefined, { name, from, to }: SettingFix): SysctlChange {
  const current = parsePortList(from);
  const added = addedBy(earlier).intersection(current).union(parsePortList(to).difference(current));
  return { name, found: formatPortList(parsePortList(to).difference(added)), written: to, before: undefined };
}

function addedBy(change: SysctlChange | undefined): Set<number> {
  return change ? parsePortList(change.written).difference(parsePortList(change.found)) : new Set();
}

/** The kernel may accept part of a value without an error. */
function write(sysctls: Sysctls, name: string, value: string): void {
  sysctls.write(name, value);
  if (sysctls.read(name) === value) return;
  const hint = 'Another program may have set it at the same time. Try again.';
  throw new PortreeveError('SYSCTL_NOT_KEPT', `${name} does not have the value that was written`, hint, {
    name,
  });
}

/** The ports that the guard reserves because it enforces a profile here. */
export async function reservedByGuard({
  archive,
  guard,
}: Pick<SnapshotDeps, 'archive' | 'guard'>): Promise<Set<number>> {
  const { head, profile } = profileInForce(archive);
  if (!head || (await guard()) !== 'enforce') return new Set();
  return reservedPorts(profile);
}

/**
 * Undoes the fixes and returns the changes. `here` is ignored where the files belong to another system. Throws
 * PortreeveError (environment) on failure.
 */
export async function undoFixes(
  deps: FixDeps,
  here: Pick<SnapshotDeps, 'archive' | 'guard'>,
): Promise<UndoPlan> {
  const guarded = deps.sysctls ? await reservedByGuard(here) : new Set<number>();
  return deps.exclusively(() => {
    const plan = planUndo(deps, guarded);
    carryOutUndo(plan, deps);
    return plan;
  });
}

export interface UndoPlan {
  readonly settings: readonly SettingFix[];
  /** The restored texts; undefined: the file is removed. */
  readonly files: readonly { readonly path: string; readonly text: string | undefined }[];
  /** Files that were changed since the fix, which are not restored. */
  readonly skipped: readonly string[];
}

/**
 * Plans an undo. Of the reserved ports, only those that the doctor added are removed, except the ports in `guarded`.
 * Throws PortreeveError (environment) where settings, files or records cannot be read.
 */
export function planUndo(deps: FixDeps, guarded: ReadonlySet<number>): UndoPlan {
  const files: { path: string; text: string | undefined }[] = [];
  const skipped: string[] = [];
  for (const [path, recorded] of Map.groupBy(deps.fileRecord.read(), (each) => each.path)) {
    const present = textOf(deps.files, path);
    const applied = recorded.find(({ before, after }) => present === after && before !== after);
    if (applied) files.push({ path, text: applied.before });
    else if (!recorded.some(({ before }) => present === before)) skipped.push(path);
  }
  const { sysctls } = deps;
  const changes = sysctls ? deps.sysctlRecord.read() : [];
  const settings = changes.flatMap((change): SettingFix[] => {
    const current = parsePortList(sysctls?.read(change.name) ?? '');
    const removed = addedBy(change).difference(guarded);
    const [from, to] = [formatPortList(current), formatPortList(current.difference(removed))];
    return from === to ? [] : [{ name: change.name, from, to }];
  });
  return { settings, files, skipped };
}

/** Applies an undo. Skipped files stay in the record. Throws PortreeveError (environment) on failure. */
export function carryOutUndo({ settings, files, skipped }: UndoPlan, deps: FixDeps): void {
  const { sysctls } = deps;
  if (sysctls) {
    for (const { name, to } of settings) write(sysctls, name, to);
    // The record of another network namespace reads as empty here, and must stay.
    if (deps.sysctlRecord.read().length > 0) deps.sysctlRecord.write([]);
  }
  for (const { path, text } of files) {
    if (text === undefined) deps.remove(path);
    else deps.put(path, text);
  }
  deps.fileRecord.write(deps.fileRecord.read().filter(({ path }) => skipped.includes(path)));
}
