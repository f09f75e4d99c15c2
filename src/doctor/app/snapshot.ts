// Takes the snapshot of this host that the checks of the doctor examine, and reports what could not be read.
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
import { readSockets, type SocketDeps } from '../../sockets/app/read-sockets.ts';
import { parseLocalRange, parsePortList, rangesOfPorts } from '../../text/port-list.ts';
import type { SysctlReader } from '../../text/sysctl-conf.ts';
import type {
  AssignableElsewhere,
  BootPorts,
  Configured,
  ProfileInForce,
  ServicesFile,
  Snapshot,
  TimeWaitReuse,
} from '../core/findings/snapshot.ts';
import { parseBlacklist } from '../text/bindresvport.ts';
import { orUnknown } from './or-unknown.ts';
import { trustsHere } from './trusts.ts';

/** Settings from portreeve.toml and the command line. */
export interface SnapshotSettings {
  readonly omvsJob: string | undefined;
  /** The error of a refused bind(2) to a port from 512 to 1023. */
  readonly errnoLow: string;
  /** The path of a BPXPRMxx member. */
  readonly bpxprm: string | undefined;
}

export interface SnapshotDeps extends Omit<SocketDeps, 'files'> {
  readonly files: BootFiles;
  readonly reader: SysctlReader;
  readonly sysctls: Pick<Sysctls, 'read'>;
  readonly archive: ProfileArchive;
  readonly iana: () => Promise<Iana>;
  /** The mode of the guard in this network namespace. */
  readonly guard: () => Promise<NonNullable<ProfileInForce['guard']>>;
  /** The registrations with the port mapper of this host; empty where there is no port mapper. */
  readonly registrations: () => Promise<readonly RegisteredProgram[]>;
  /** The other network namespaces of the guard in which the kernel may assign reserved ports. */
  readonly assignable: () => readonly AssignableElsewhere[];
  /** The processes whose command lines can be read. */
  readonly programs: () => readonly RunningProgram[];
}

export interface SnapshotResult {
  readonly snapshot: Snapshot;
  /** What could not be read, a sentence each. */
  readonly unknown: readonly string[];
}

const SERVICES_FILE = '/etc/services';
export const BLACKLIST_FILE = '/etc/bindresvport.blacklist';
const RPC_FILE = '/etc/rpc';

/**
 * Throws PortreeveError (environment) where the sockets or the port settings of the kernel cannot be read, and what
 * reading `settings.bpxprm` throws.
 */
export async function takeSnapshot(deps: SnapshotDeps, settings: SnapshotSettings): Promise<SnapshotResult> {
  const unknown: string[] = [];
  const files = new ConfigFiles(deps.files, unknown);
  const kernel = readKernelPorts(deps.sysctls);
  // Before the query to the port mapper, whose own socket must not be in the snapshot.
  const seen = readSockets(deps);
  const pending = Promise.all([
    deps.iana(),
    orUnknown('the registrations with the port mapper', deps.registrations, unknown),
    inForceOf(deps, settings, unknown),
  ]);
  const rpcNames = new RpcNames(parseEtcRpc(files.text(RPC_FILE) ?? ''));
  const programs = (await orUnknown('the processes', deps.programs, unknown)) ?? [];
  const what = 'the other network namespaces of the guard';
  const assignable = (await orUnknown(what, deps.assignable, unknown)) ?? [];
  const [iana, registrations, inForce] = await pending;
  if (hasUnknownOwner(seen)) unknown.push(unknownOwnersText(seen.hiddenProcesses));
  const snapshot: Snapshot = {
    seen,
    kernel,
    reusesTimeWait: timeWaitReuse(deps.sysctls),
    boot: bootPorts(bootSettings(deps.files, deps.reader), unknown),
    services: servicesFile(files.text(SERVICES_FILE, SERVICES_MAX_CHARACTERS) ?? ''),
    ianaNames: (port, protocol) =>
      iana.entries(port, protocol).flatMap(({ name, status }) => (status === 'assigned' ? [name] : [])),
    inForce,
    inaddrAny: inaddrAnyOf(settings.bpxprm, deps.files),
    registrations,
    programOf: (name) => (/^[0-9]+$/.test(name) ? undefined : rpcNames.numberOf(name)),
    programRanges: defaultRangesHere({ files, programs, ephemeral: kernel.ephemeral }),
    blacklist: parseBlacklist(files.text(BLACKLIST_FILE) ?? ''),
    trusts: trustsHere(files, seen),
    assignable,
  };
  return { snapshot, unknown };
}

/** net.ipv4.tcp_tw_reuse (ip-sysctl); without TCP timestamps no port is reused. */
function timeWaitReuse(sysctls: SnapshotDeps['sysctls']): TimeWaitReuse {
  if (sysctls.read('net.ipv4.tcp_timestamps') === '0') return 'none';
  const setting = sysctls.read('net.ipv4.tcp_tw_reuse');
  return setting === '1' ? 'all' : setting === '2' ? 'loopback' : 'none';
}

/** Whether a process that could not be read may own one of the sockets. */
function hasUnknownOwner({ sockets, hiddenProcesses }: Snapshot['seen']): boolean {
  return (
    hiddenProcesses > 0 && sockets.some(({ socket, owners }) => socket.inode !== 0 && owners.length === 0)
  );
}

function unknownOwnersText(count: number): string {
  const processes = count === 1 ? '1 process' : `${count} processes`;
  return `the owners of some sockets: ${processes} could not be read`;
}

/** Undefined where no profile was ever applied, or where that could not be determined. */
async function inForceOf(
  { archive, guard }: SnapshotDeps,
  { omvsJob = 'OMVS', errnoLow }: SnapshotSettings,
  unknown: string[],
): Promise<ProfileInForce | undefined> {
  const inForce = await orUnknown('the profile', () => profileInForce(archive), unknown);
  if (!inForce?.head) return undefined;
  const mode = await orUnknown('the mode of the guard', guard, unknown);
  return { profile: inForce.profile, guard: mode, errnoLow, omvsJob };
}

/** The last line of Debian's file; administrators add their entries after it. */
const LOCAL_MARK = /^#\s*local services\s*$/i;

function servicesFile(text: string): ServicesFile {
  const mark = text.split('\n').findIndex((line) => LOCAL_MARK.test(line));
  return { entries: parseServices(text), localFrom: mark < 0 ? undefined : mark + 1 };
}

/** The port settings in the files of sysctl.d(5). An invalid value is reported as unknown and otherwise ignored. */
function bootPorts(boot: BootSettings, unknown: string[]): BootPorts {
  unknown.push(...boot.unread.map(({ reason }) => reason));
  const configured = <Value>(
    key: string,
    read: (text: string) => Value | undefined,
  ): Configured<Value> | undefined => {
    const setting = boot.of(key);
    if (setting?.value === undefined) return undefined;
    const place = `${setting.place.file}:${setting.place.line}`;
    const value = read(setting.value.trim());
    if (value !== undefined) return { value, place };
    unknown.push(`${place}: "${setting.value.slice(0, 40)}" is not a valid ${key}`);
    return undefined;
  };
  return {
    ephemeral: configured(PORT_RANGE, parseLocalRange),
    reserved: configured(RESERVED_PORTS, (text) => {
      try {
        return rangesOfPorts(parsePortList(text));
      } catch (thrown) {
        requireFailure(thrown);
        return undefined;
      }
    }),
    unprivilegedStart: configured(UNPRIVILEGED_START, (text) => parseDecimal(text, PORT_MAX + 1)),
  };
}

function inaddrAnyOf(path: string | undefined, files: BootFiles): Snapshot['inaddrAny'] {
  if (path === undefined) return [];
  const text = files.readText(path, DOCTOR_FILE_MAX_BYTES);
  if (text !== undefined) return parseBpxprm({ file: path, text }).ranges;
  throw new PortreeveError('FILE_MISSING', `there is no file ${path}`, 'Check the path.', { path });
}
