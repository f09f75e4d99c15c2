// The installed files: systemd units, the accounts, and the symbolic links that enable the units.
import { PortreeveError } from '../../base/errors.ts';
import { DAEMON_UNIT } from '../../kit/daemon-names.ts';
import { SYSTEM_DIRECTORIES } from '../../kit/directories.ts';

/** Every installed file begins with it. */
const MARK = '# Made by "portreeve install"';
const FIRST_LINE = `${MARK}, which overwrites it; "portreeve uninstall" removes it.\n`;
const OF_UNIT = '# To change a setting, use a drop-in: systemctl edit UNIT.\n';

/** The directory of an administrator's units, and the file of the accounts. */
export const UNIT_DIRECTORY = '/etc/systemd/system';
export const SYSUSERS_FILE = '/etc/sysusers.d/portreeve.conf';

/** The account of the portmap process, and the group that may control the daemon. */
export const PORTMAP_USER = 'portreeve-portmap';
export const CONTROL_GROUP = 'portreeve';

/** A file to be written. */
export interface UnitFile {
  readonly path: string;
  readonly text: string;
}

/** A symbolic link that enables a unit, or gives it another name. */
export interface UnitLink {
  readonly path: string;
  /** The unit's file. */
  readonly target: string;
}

/** The program as it is installed. */
export interface InstalledProgram {
  /** The absolute path of bin/portreeve. */
  readonly path: string;
  /** The directory of the Node that runs it; undefined if bin/portreeve finds it itself. */
  readonly nodeDirectory: string | undefined;
}

const GUARD = 'portreeve-guard.service';
const DAEMON = DAEMON_UNIT;
const SOCKET = 'portreeve.socket';
/** In start order. */
export const UNITS: readonly string[] = [GUARD, SOCKET, DAEMON];

/** The PATH of systemd's services (systemd.exec(5)). */
const USUAL_PATH = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
/** The characters that need no quoting in a unit: no quotes, "$", "%" or backslashes. */
const WORD = /^[A-Za-z0-9 @+:,./_=~()-]+$/;

/** The paths of the files. */
export const INSTALLED_PATHS: readonly string[] = [
  SYSUSERS_FILE,
  ...UNITS.map((unit) => `${UNIT_DIRECTORY}/${unit}`),
];

/**
 * All files. Throws PortreeveError `INSTALL_PATH` (usage) if the path of the program cannot be written in a unit.
 */
export function unitFiles(program: InstalledProgram): UnitFile[] {
  const texts = [SYSUSERS, guardUnit(program), SOCKET_UNIT, daemonUnit(program)];
  return INSTALLED_PATHS.map((path, at) => {
    const first = path === SYSUSERS_FILE ? FIRST_LINE : `${FIRST_LINE}${OF_UNIT}`;
    return { path, text: `${first}${texts[at]}` };
  });
}

/** Whether an installation wrote the file. */
export function isOurs(text: string): boolean {
  return text.startsWith(MARK);
}

/** The unit name of a path. */
export function unitName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** The links that systemctl enable would create from the [Install] sections. */
export const UNIT_LINKS: readonly UnitLink[] = [
  link('sysinit.target.wants', GUARD),
  link('sockets.target.wants', SOCKET),
  link('multi-user.target.wants', DAEMON),
  alias('rpcbind.socket', SOCKET),
  alias('rpcbind.service', DAEMON),
];

function link(directory: string, unit: string): UnitLink {
  return { path: `${UNIT_DIRECTORY}/${directory}/${unit}`, target: `${UNIT_DIRECTORY}/${unit}` };
}

function alias(name: string, unit: string): UnitLink {
  return { path: `${UNIT_DIRECTORY}/${name}`, target: `${UNIT_DIRECTORY}/${unit}` };
}

const SYSUSERS = `
# The group that may control the daemon, and the account of the portmap process.
g ${CONTROL_GROUP} -
u ${PORTMAP_USER} - "RPC port mapper of portreeve"
`;

/**
 * The guard starts before sysinit.target, for which services and sockets wait by default; before rpcbind.socket, which
 * does not wait for it; and after systemd-sysctl, which replaces the list of reserved ports. It has no private mounts:
 * all processes must see its pins. A shutdown does not need to stop it.
 */
function guardUnit(program: InstalledProgram): string {
  const { state } = SYSTEM_DIRECTORIES;
  return `
[Unit]
Description=portreeve guard: enforces which job may bind which port
Documentation=man:portreeve-guard(1)
DefaultDependencies=no
# Before a profile is applied there is nothing to enforce.
ConditionPathExists=${state}/profile.db
RequiresMountsFor=/sys/fs/bpf /sys/fs/cgroup ${state} ${word(program.path)}
After=local-fs.target systemd-sysctl.service systemd-sysusers.service
Before=sysinit.target network-pre.target sockets.target rpcbind.socket rpcbind.service
Wants=network-pre.target

[Service]
Type=oneshot
RemainAfterExit=yes
${environment(program)}ExecStart=${word(program.path)} guard enforce
ExecReload=${word(program.path)} guard enforce
ExecStop=${word(program.path)} guard off
# Units that wait for this one start without a guard if it fails: a slow start must not count as a failure.
TimeoutStartSec=5min
StateDirectory=portreeve
RuntimeDirectory=portreeve
RuntimeDirectoryPreserve=yes
NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native

[Install]
WantedBy=sysinit.target
`;
}

/** rpc-statd.service and others require rpcbind.socket, and the daemon opens its sockets itself. */
const SOCKET_UNIT = `
[Unit]
Description=portreeve replacement for rpcbind.socket, which other units require
Documentation=man:portreeve-install(1)
Wants=${DAEMON}

[Socket]
# The daemon opens port 111 and /run/rpcbind.sock itself. Nothing connects to this socket.
ListenStream=/run/portreeve/unit.sock
SocketMode=0600
RemoveOnStop=yes

[Install]
WantedBy=sockets.target
Alias=rpcbind.socket
`;

/**
 * The daemon is ready before basic.target, for which services wait by default: it reports their units to the kernel,
 * and a service that started earlier would be judged by its user. Like rpcbind it does not wait for the network.
 *
 * Its privileges are what it uses: it opens sockets, starts setpriv(1), finds the owners of sockets, loads BPF programs
 * and sets net.*. So sysctls, /run and cgroups stay writable.
 */
function daemonUnit(program: InstalledProgram): string {
  return `
[Unit]
Description=portreeve, the port authority of this host
Documentation=man:portreeve-serve(8) man:portreeve(1)
DefaultDependencies=no
RequiresMountsFor=${word(program.path)}
Requires=sysinit.target ${SOCKET}
After=sysinit.target ${SOCKET} ${GUARD}
Wants=rpcbind.target remote-fs-pre.target
Before=basic.target rpcbind.target remote-fs-pre.target shutdown.target
# These wait for rpcbind.socket, and register as soon as they start; unlike rpcbind's socket, ours queues nothing.
Before=nfs-mountd.service nfs-server.service rpc-statd.service rpc-rquotad.service ypserv.service ypbind.service
Conflicts=shutdown.target
StartLimitIntervalSec=0

[Service]
# It reports when its sockets are open: requests are queued from then on.
Type=notify
${environment(program)}ExecStart=${word(program.path)} serve
# A slow host needs time: a daemon that is stopped before it is ready would never serve.
TimeoutStartSec=3min
ExecReload=/bin/kill -HUP $MAINPID
# Its own processes end when it does.
KillMode=mixed
Restart=on-failure
RestartSec=1s
# Invalid settings stay invalid.
RestartPreventExitStatus=2
StateDirectory=portreeve
RuntimeDirectory=portreeve
# Registrations are kept across a restart.
RuntimeDirectoryPreserve=yes

CapabilityBoundingSet=CAP_NET_BIND_SERVICE CAP_NET_ADMIN CAP_SETUID CAP_SETGID CAP_SETPCAP
CapabilityBoundingSet=CAP_KILL CAP_CHOWN CAP_FOWNER CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_SYS_PTRACE
CapabilityBoundingSet=CAP_BPF CAP_PERFMON CAP_SYS_ADMIN CAP_SYS_RESOURCE
NoNewPrivileges=yes
ProtectSystem=full
ProtectHome=read-only
PrivateDevices=yes
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
# It resolves the network namespaces in the settings.
RestrictNamespaces=net
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=~@clock @cpu-emulation @module @obsolete @raw-io @reboot @swap
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
Also=${SOCKET}
Alias=rpcbind.service
`;
}

/** The directories in which bin/portreeve searches Node, up to the one that has it; none if the package has its own. */
export function nodeSearchPath({ nodeDirectory }: InstalledProgram): readonly string[] {
  if (nodeDirectory === undefined) return [];
  const at = USUAL_PATH.indexOf(nodeDirectory);
  return at < 0 ? [nodeDirectory] : USUAL_PATH.slice(0, at + 1);
}

/** The PATH with which bin/portreeve finds Node. */
function environment({ nodeDirectory }: InstalledProgram): string {
  if (nodeDirectory === undefined || USUAL_PATH.includes(nodeDirectory)) return '';
  return `Environment="PATH=${[checked(nodeDirectory), ...USUAL_PATH].join(':')}"\n`;
}

function word(path: string): string {
  return checked(path).includes(' ') ? `"${path}"` : path;
}

function checked(path: string): string {
  if (WORD.test(path)) return path;
  const message = `${JSON.stringify(path)} has characters with a special meaning in a systemd unit`;
  const hint =
    'Install portreeve in a directory whose name has only letters, digits, spaces and @+:,._=~()-.';
  throw new PortreeveError('INSTALL_PATH', message, hint, { path });
}
