// What mends findings without asking anybody: settings of the kernel and files, shown first, recorded, and taken back.
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

/** Read after all other files of sysctl.d(5), whose names begin with digits: whoever sets the list replaces it. */
export const BOOT_FILE = '/etc/sysctl.d/zz-portreeve-doctor.conf';
const BOOT_DIRECTORY = '/etc/sysctl.d';
const BOOT_HEAD =
  '# Ports that the kernel gives to no client: those that other files say, and those that portreeve doctor added.\n' +
  '# portreeve doctor --undo takes this file away.';
const BOOT_LINE = /^net\.ipv4\.ip_local_reserved_ports\s*=(.*)$/m;

/** What it works with. */
export interface FixDeps {
  /** Undefined where the files are of another system: then the settings of this kernel are left alone. */
  readonly sysctls: Sysctls | undefined;
  readonly sysctlRecord: SysctlRecord;
  readonly files: BootFiles;
  readonly reader: SysctlReader;
  readonly put: (path: string, text: string) => void;
  readonly remove: (path: string) => void;
  readonly fileRecord: FileRecord;
  /** Does something while no other doctor is at work: what is found and what is recorded belong together. */
  readonly exclusively: <Result>(act: () => Result) => Result;
}

/** A setting that is to be another. */
interface SettingFix {
  readonly name: string;
  readonly from: string;
  readonly to: string;
}

/** What is to be done; nothing where all of it is done already. */
export interface FixPlan {
  readonly settings: readonly SettingFix[];
  readonly files: readonly FileChange[];
  /** What has to be done by hand besides, a sentence each. */
  readonly notes: readonly string[];
}

/** Carries a remedy out, and gives what was done. Throws PortreeveError (environment) where that fails. */
export function fix(remedy: Remedy, deps: FixDeps): FixPlan {
  return deps.exclusively(() => {
    const plan = planFix(remedy, deps);
    if (!isDone(plan)) carryOutFix(plan, deps);
    return plan;
  });
}

/** How a finding is fixed; undefined where it takes a hand, as where a file cannot be read: fix() says why. */
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

/** Whether nothing is left to be done. */
export function isDone({ settings, files }: Pick<FixPlan, 'settings' | 'files'>): boolean {
  return settings.length + files.length === 0;
}

/** The commands that do to the settings what a plan does. */
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

/** The list of the other files, what is in ours already, and what comes to it. */
function bootFix(ports: ReadonlySet<number>, deps: FixDeps): FileChange {
  const { files } = deps;
  const before = textOf(files, BOOT_FILE);
  const others: BootFiles = {
    ...files,
    names: (directory) => {
      return files.names(directory).filter((name) => `${directory}/${name}` !== BOOT_FILE);
    },
  };
  const said = listIn(bootSettings(others, deps.reader).of(RESERVED_PORTS)?.value);
  const own = listIn(BOOT_LINE.exec(before ?? '')?.[1]);
  const line = `${RESERVED_PORTS} = ${formatPortList(said.union(own).union(ports))}`;
  const present = before ?? BOOT_HEAD;
  const after = BOOT_LINE.test(present) ? present.replace(BOOT_LINE, line) : `${present}\n${line}\n`;
  return { path: BOOT_FILE, before, after };
}

/** The text of a file that is to be changed. Whatever is wrong with it, nobody has named it: that is no wrong usage. */
function textOf(files: BootFiles, path: string): string | undefined {
  try {
    return files.readText(path, DOCTOR_FILE_MAX_BYTES);
  } catch (thrown) {
    if (!(thrown instanceof PortreeveError) || thrown.kind !== 'usage') throw thrown;
    throw new PortreeveError('FILE_UNREADABLE', thrown.message, 'Move it away.', { path });
  }
}

/** What makes no sense there is what the kernel would not take. */
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

/** /etc/sysctl.conf comes last for procps. */
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
  return [
    `${place.file}:${place.line} sets ${RESERVED_PORTS} once more after ${BOOT_FILE}: take that line out`,
  ];
}

/**
 * Carries a plan out: records it, then writes. Throws PortreeveError (environment); planUndo() takes back what was
 * done.
 */
export function carryOutFix({ settings, files }: FixPlan, deps: FixDeps): void {
  if (files.length > 0) writeFiles(files, deps);
  const { sysctls } = deps;
  if (sysctls) for (const setting of settings) writeSetting(setting, sysctls, deps.sysctlRecord);
}

/** Until all of them are written each can be what it was before or after: both are recorded. */
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

/** A file that was changed before is to become what it was before the first time, unless others changed it since. */
function sinceFirst(change: FileChange, recorded: readonly FileChange[]): FileChange {
  const earlier = recorded.find(({ path, after }) => path === change.path && after === change.before);
  return earlier ? { ...change, before: earlier.before } : change;
}

/** What is there without us: the list as it is, less what we added, now or before. */
function addedTo(earlier: SysctlChange | undefined, { name, from, to }: SettingFix): SysctlChange {
  const current = parsePortList(from);
  const ours = addedBy(earlier).intersection(current).union(parsePortList(to).difference(current));
  return { name, found: formatPortList(parsePortList(to).difference(ours)), written: to, before: undefined };
}

function addedBy(change: SysctlChange | undefined): Set<number> {
  return change ? parsePortList(change.written).difference(parsePortList(change.found)) : new Set();
}

/** The kernel may take a part of a value and say nothing. */
function write(sysctls: Sysctls, name: string, value: string): void {
  sysctls.write(name, value);
  if (sysctls.read(name) === value) return;
  const hint = 'Another program sets it as well. Try again.';
  throw new PortreeveError('SYSCTL_NOT_KEPT', `${name} was written and is something else`, hint, {
    name,
  });
}

/** The ports that a guard which enforces a profile here keeps from clients: they are its business. */
export async function keptByGuard({
  archive,
  guard,
}: Pick<SnapshotDeps, 'archive' | 'guard'>): Promise<Set<number>> {
  const { head, profile } = profileInForce(archive);
  if (!head || (await guard()) !== 'enforce') return new Set();
  return reservedPorts(profile);
}

/**
 * Takes back what was done, and gives what that came to. `here` has the guard of this host, which has no say where the
 * files are of another system. Throws PortreeveError (environment) where that fails.
 */
export async function undoFixes(
  deps: FixDeps,
  here: Pick<SnapshotDeps, 'archive' | 'guard'>,
): Promise<UndoPlan> {
  const kept = deps.sysctls ? await keptByGuard(here) : new Set<number>();
  return deps.exclusively(() => {
    const plan = planUndo(deps, kept);
    carryOutUndo(plan, deps);
    return plan;
  });
}

/** What taking back comes to. */
export interface UndoPlan {
  readonly settings: readonly SettingFix[];
  /** Each with what it becomes; undefined: it goes. */
  readonly files: readonly { readonly path: string; readonly text: string | undefined }[];
  /** Files that others have changed since: they are left as they are. */
  readonly left: readonly string[];
}

/**
 * Plans to take back what was done. Of the reserved ports those go that we added; those in `kept` stay, because the
 * guard needs them. Throws PortreeveError (environment) where settings, files or records cannot be read.
 */
export function planUndo(deps: FixDeps, kept: ReadonlySet<number>): UndoPlan {
  const files: { path: string; text: string | undefined }[] = [];
  const left: string[] = [];
  for (const [path, recorded] of Map.groupBy(deps.fileRecord.read(), (each) => each.path)) {
    const present = textOf(deps.files, path);
    const done = recorded.find(({ before, after }) => present === after && before !== after);
    if (done) files.push({ path, text: done.before });
    else if (!recorded.some(({ before }) => present === before)) left.push(path);
  }
  const { sysctls } = deps;
  const changes = sysctls ? deps.sysctlRecord.read() : [];
  const settings = changes.flatMap((change): SettingFix[] => {
    const current = parsePortList(sysctls?.read(change.name) ?? '');
    const gone = addedBy(change).difference(kept);
    const [from, to] = [formatPortList(current), formatPortList(current.difference(gone))];
    return from === to ? [] : [{ name: change.name, from, to }];
  });
  return { settings, files, left };
}

/**
 * Carries it out. What others have changed since stays recorded. Throws PortreeveError (environment) where that fails.
 */
export function carryOutUndo({ settings, files, left }: UndoPlan, deps: FixDeps): void {
  const { sysctls } = deps;
  if (sysctls) {
    for (const { name, to } of settings) write(sysctls, name, to);
    // That of another network namespace is not seen here, and stays.
    if (deps.sysctlRecord.read().length > 0) deps.sysctlRecord.write([]);
  }
  for (const { path, text } of files) {
    if (text === undefined) deps.remove(path);
    else deps.put(path, text);
  }
  deps.fileRecord.write(deps.fileRecord.read().filter(({ path }) => left.includes(path)));
}
