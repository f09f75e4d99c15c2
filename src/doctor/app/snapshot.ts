// Looks at this host for the doctor: gathers all that the checks go by, and tells what could not be looked at.
import { PortreeveError, requireFailure } from '../../base/errors.ts';
import { DOCTOR_FILE_MAX_BYTES, SERVICES_MAX_CHARACTERS } from '../../base/limits.ts';
import { PORT_MAX, parseDecimal } from '../../base/port.ts';
import type { Sysctls } from '../../host/host.ts';
import { type BootFiles, type BootSettings, bootSettings } from '../../names/app/boot-settings.ts';
import { ConfigFiles } from '../../names/app/config-files.ts';
import { defaultRangesHere, type RunningProgram } from '../../names/app/default-ranges-here.ts';
import { readKernelPorts } from '../../names/app/kernel-ports.ts';
import type { Iana } from '../../names/core/iana.ts';
import { PORT_RANGE, RESERVED_PORTS, UNPRIVILEGED_START } from '../../names/core/kernel-ports.ts';
import { parseEtcRpc, RpcNames } from '../../names/core/rpc-programs.ts';
import { parseServices } from '../../names/core/services.ts';
import type { RegisteredProgram } from '../../portmap/core/registered-program.ts';
import { profileInForce } from '../../profile/app/in-force.ts';
import type { ProfileArchive } from '../../profile/core/archive.ts';
import { parseBpxprm } from '../../profile/text/bpxprm.ts';
import { type SeeDeps, seeSockets } from '../../sockets/app/see.ts';
import { parseLocalRange, parsePortList, rangesOfPorts } from '../../text/port-list.ts';
import type { SysctlReader } from '../../text/sysctl-conf.ts';
import type {
  AssignableElsewhere,
  BootPorts,
  ProfileInForce,
  Said,
  ServicesFile,
  Snapshot,
  TimeWaitReuse,
} from '../core/findings/snapshot.ts';
import { parseBlacklist } from '../text/bindresvport.ts';
import { answered } from './answered.ts';
import { trustsHere } from './trusts.ts';

/** How refusals and jobs are set up (portreeve.toml). */
export interface SnapshotChoices {
  readonly omvsJob: string | undefined;
  /** What a refused bind(2) to a port from 512 to 1023 fails with. */
  readonly errnoLow: string;
  /** The BPXPRMxx member; undefined where there is none. */
  readonly bpxprm: string | undefined;
}

/** Where it is looked. */
export interface SnapshotDeps extends Omit<SeeDeps, 'files'> {
  readonly files: BootFiles;
  readonly reader: SysctlReader;
  readonly sysctls: Pick<Sysctls, 'read'>;
  readonly archive: ProfileArchive;
  readonly iana: () => Promise<Iana>;
  /** What the guard does in this network namespace. */
  readonly guard: () => Promise<NonNullable<ProfileInForce['guard']>>;
  /** What is registered with the port mapper of this host; none where there is none. */
  readonly registrations: () => Promise<readonly RegisteredProgram[]>;
  /** The other network namespaces of the guard in which the kernel may assign reserved ports. */
  readonly assignable: () => readonly AssignableElsewhere[];
  /** The processes of this host, as far as their command lines can be seen. */
  readonly programs: () => readonly RunningProgram[];
}

/** A scene, and what could not be looked at, a sentence each. */
export interface Gathered {
  readonly snapshot: Snapshot;
  readonly unknown: readonly string[];
}

const SERVICES_FILE = '/etc/services';
export const BLACKLIST_FILE = '/etc/bindresvport.blacklist';
const RPC_FILE = '/etc/rpc';

/**
 * Throws PortreeveError (environment) where the sockets, or the kernel's settings of ports, cannot be read: without
 * them there is nothing to say; and what reading `choices.bpxprm` throws.
 */
export async function takeSnapshot(deps: SnapshotDeps, choices: SnapshotChoices): Promise<Gathered> {
  const unknown: string[] = [];
  const files = new ConfigFiles(deps.files, unknown);
  const kernel = readKernelPorts(deps.sysctls);
  // Who asks the port mapper has a socket for that himself: it is not to be looked at.
  const seen = seeSockets(deps);
  const asked = Promise.all([
    deps.iana(),
    answered('what is registered with the port mapper', deps.registrations, unknown),
    inForceOf(deps, choices, unknown),
  ]);
  const rpcNames = new RpcNames(parseEtcRpc(files.text(RPC_FILE) ?? ''));
  const programs = (await answered('the processes', deps.programs, unknown)) ?? [];
  const what = 'the other network namespaces of the guard';
  const assignable = (await answered(what, deps.assignable, unknown)) ?? [];
  const [iana, registrations, inForce] = await asked;
  if (hasUnknown(seen)) unknown.push(unseenText(seen.notSeen));
  const snapshot: Snapshot = {
    seen,
    kernel,
    reusesTimeWait: timeWaitReuse(deps.sysctls),
    boot: bootPorts(bootSettings(deps.files, deps.reader), unknown),
    services: servicesFile(files.text(SERVICES_FILE, SERVICES_MAX_CHARACTERS) ?? ''),
    ianaNames: (port, protocol) =>
      iana.entries(port, protocol).flatMap(({ name, status }) => (status === 'assigned' ? [name] : [])),
    inForce,
    inaddrAny: inaddrAnyOf(choices.bpxprm, deps.files),
    registrations,
    programOf: (name) => (/^[0-9]+$/.test(name) ? undefined : rpcNames.numberOf(name)),
    pools: defaultRangesHere({ files, programs, ephemeral: kernel.ephemeral }),
    blacklist: parseBlacklist(files.text(BLACKLIST_FILE) ?? ''),
    trusts: trustsHere(files, seen),
    assignable,
  };
  return { snapshot, unknown };
}

/** By what tcp_tw_reuse of ip-sysctl says; without the time stamps of TCP nothing is used again. */
function timeWaitReuse(sysctls: SnapshotDeps['sysctls']): TimeWaitReuse {
  if (sysctls.read('net.ipv4.tcp_timestamps') === '0') return 'none';
  const setting = sysctls.read('net.ipv4.tcp_tw_reuse');
  return setting === '1' ? 'all' : setting === '2' ? 'loopback' : 'none';
}

/** Whether somebody who did not let us look may have a socket whose owner is not known. */
function hasUnknown({ sockets, notSeen }: Snapshot['seen']): boolean {
  return notSeen > 0 && sockets.some(({ socket, owners }) => socket.inode !== 0 && owners.length === 0);
}

function unseenText(count: number): string {
  const processes = count === 1 ? '1 process' : `${count} processes`;
  return `the sockets of ${processes}, which did not let us look: whose they are is not known`;
}

/** Undefined where nothing was ever applied, or where that cannot be told. */
async function inForceOf(
  { archive, guard }: SnapshotDeps,
  { omvsJob = 'OMVS', errnoLow }: SnapshotChoices,
  unknown: string[],
): Promise<ProfileInForce | undefined> {
  const inForce = await answered('the profile', () => profileInForce(archive), unknown);
  if (!inForce?.head) return undefined;
  const mode = await answered('what the guard does', guard, unknown);
  return { profile: inForce.profile, guard: mode, errnoLow, omvsJob };
}

/** Debian's file ends with this line, and what an administrator adds comes behind it. */
const LOCAL_MARK = /^#\s*local services\s*$/i;

function servicesFile(text: string): ServicesFile {
  const mark = text.split('\n').findIndex((line) => LOCAL_MARK.test(line));
  return { entries: parseServices(text), localFrom: mark < 0 ? undefined : mark + 1 };
}

/** What the files say of ports; a value that the kernel would not take counts as unsaid and is told. */
function bootPorts(boot: BootSettings, unknown: string[]): BootPorts {
  unknown.push(...boot.unread.map(({ reason }) => reason));
  const said = <Value>(key: string, read: (text: string) => Value | undefined): Said<Value> | undefined => {
    const setting = boot.of(key);
    if (setting?.value === undefined) return undefined;
    const place = `${setting.place.file}:${setting.place.line}`;
    const value = read(setting.value.trim());
    if (value !== undefined) return { value, place };
    unknown.push(`${place}: ${key} cannot be "${setting.value.slice(0, 40)}"`);
    return undefined;
  };
  return {
    ephemeral: said(PORT_RANGE, parseLocalRange),
    reserved: said(RESERVED_PORTS, (text) => {
      try {
        return rangesOfPorts(parsePortList(text));
      } catch (thrown) {
        requireFailure(thrown);
        return undefined;
      }
    }),
    unprivilegedStart: said(UNPRIVILEGED_START, (text) => parseDecimal(text, PORT_MAX + 1)),
  };
}

function inaddrAnyOf(path: string | undefined, files: BootFiles): Snapshot['inaddrAny'] {
  if (path === undefined) return [];
  const text = files.readText(path, DOCTOR_FILE_MAX_BYTES);
  if (text !== undefined) return parseBpxprm({ file: path, text }).ranges;
  throw new PortreeveError('FILE_MISSING', `there is no file ${path}`, 'Check the path.', { path });
}
