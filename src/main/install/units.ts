// The files that have systemd start portreeve: units, the accounts, and the links that enable them.
import { PortreeveError } from '../../base/errors.ts';
import { DAEMON_UNIT } from '../../kit/daemon-names.ts';
import { SYSTEM_DIRECTORIES } from '../../kit/directories.ts';

/** What tells our files from those of others: they begin with it. */
const MARK = '# Made by "portreeve install"';
const FIRST_LINE = `${MARK}, which writes it anew; "portreeve uninstall" removes it.\n`;
const OF_UNIT = '# What is to be different here belongs into a drop-in: systemctl edit UNIT.\n';

/** Where an administrator's units and accounts are. */
export const UNIT_DIRECTORY = '/etc/systemd/system';
export const SYSUSERS_FILE = '/etc/sysusers.d/portreeve.conf';

/** The account that answers the network, and the group that may control the daemon. */
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
  /** The directory of the Node that runs it; undefined where bin/portreeve finds it by itself. */
  readonly nodeDirectory: string | undefined;
}

const GUARD = 'portreeve-guard.service';
const DAEMON = DAEMON_UNIT;
const SOCKET = 'portreeve.socket';
/** In the order in which they can be started. */
export const UNITS: readonly string[] = [GUARD, SOCKET, DAEMON];

/** The PATH of systemd's services (systemd.exec(5)). */
const USUAL_PATH = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
/** What a word in a unit may have in it without meaning anything else there: no quotes, "$", "%" or backslashes. */
const WORD = /^[A-Za-z0-9 @+:,./_=~()-]+$/;

/** Where the files are. */
export const INSTALLED_PATHS: readonly string[] = [
  SYSUSERS_FILE,
  ...UNITS.map((unit) => `${UNIT_DIRECTORY}/${unit}`),
];

/**
 * Every file. Throws PortreeveError `INSTALL_PATH` (usage) for a program at a path that cannot be written in a unit.
 */
export function unitFiles(program: InstalledProgram): UnitFile[] {
  const texts = [SYSUSERS, guardUnit(program), SOCKET_UNIT, daemonUnit(program)];
  return INSTALLED_PATHS.map((path, at) => {
    const first = path === SYSUSERS_FILE ? FIRST_LINE : `${FIRST_LINE}${OF_UNIT}`;
    return { path, text: `${first}${texts[at]}` };
  });
}

/** Whether a file was written by an installation, this one or another. */
export function isOurs(text: string): boolean {
  return text.startsWith(MARK);
}

/** The name of a unit by its file. */
export function unitName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** What systemctl enable would make of the sections [Install]. */
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
# The group of those who may control the daemon, and the account that answers the network.
g ${CONTROL_GROUP} -
u ${PORTMAP_USER} - "RPC port mapper of portreeve"
`;

/**
 * The guard comes before everything that waits for sysinit.target, as services and sockets do unless they say
 * otherwise; before rpcbind.socket, which says otherwise; and after systemd-sysctl, which replaces the list of reserved
 * ports. It has no mounts of its own: what it pins must be seen by all. A shutdown does not stop it: nothing would be
 * gained.
 */
function guardUnit(program: InstalledProgram): string {
  const { state } = SYSTEM_DIRECTORIES;
  return `
[Unit]
Description=Guard of portreeve: who may hold which port
Documentation=man:portreeve-guard(1)
DefaultDependencies=no
# Until a profile is applied there is nothing to guard.
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
# What waits for this unit starts without a guard when it fails: a slow start is no failure.
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
Description=portreeve in the place of rpcbind.socket, which other units require
Documentation=man:portreeve-install(1)
Wants=${DAEMON}

[Socket]
# The daemon opens port 111 and /run/rpcbind.sock itself. Nobody calls here.
ListenStream=/run/portreeve/unit.sock
SocketMode=0600
RemoveOnStop=yes

[Install]
WantedBy=sockets.target
Alias=rpcbind.socket
`;

/**
 * The daemon is ready before basic.target, which services wait for unless they say otherwise: it tells the kernel of
 * their units, and one that has begun before would be judged by its user. So does rpcbind, which does not wait for the
 * network either.
 *
 * What it may do is what it does: open sockets, start setpriv(1), see who has which socket, load BPF programs and set
 * net.*. So the settings of the kernel, /run and cgroups stay writable.
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
# These wait for rpcbind.socket, and register as soon as they start: rpcbind's keeps what they send, ours does not.
Before=nfs-mountd.service nfs-server.service rpc-statd.service rpc-rquotad.service ypserv.service ypbind.service
Conflicts=shutdown.target
StartLimitIntervalSec=0

[Service]
# It says when its sockets are open: what is sent there then waits for it.
Type=notify
${environment(program)}ExecStart=${word(program.path)} serve
# One that is ended before it is ready, over and over, never serves a slow host.
TimeoutStartSec=3min
ExecReload=/bin/kill -HUP $MAINPID
# Its own processes end when it does.
KillMode=mixed
Restart=on-failure
RestartSec=1s
# Settings that cannot be are not better the next time.
RestartPreventExitStatus=2
StateDirectory=portreeve
RuntimeDirectory=portreeve
# What is registered outlives a restart.
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
# It looks which network namespaces the settings mean.
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

/** The directories in which bin/portreeve looks for Node, up to the one that has it; none where it brings its own. */
export function nodeSearchPath({ nodeDirectory }: InstalledProgram): readonly string[] {
  if (nodeDirectory === undefined) return [];
  const at = USUAL_PATH.indexOf(nodeDirectory);
  return at < 0 ? [nodeDirectory] : USUAL_PATH.slice(0, at + 1);
}

/** A PATH in which bin/portreeve finds Node. */
function environment({ nodeDirectory }: InstalledProgram): string {
  if (nodeDirectory === undefined || USUAL_PATH.includes(nodeDirectory)) return '';
  return `Environment="PATH=${[checked(nodeDirectory), ...USUAL_PATH].join(':')}"\n`;
}

function word(path: string): string {
  return checked(path).includes(' ') ? `"${path}"` : path;
}

function checked(path: string): string {
  if (WORD.test(path)) return path;
  const message = `${JSON.stringify(path)} has characters that mean something else in a unit of systemd`;
  const hint =
    'Install portreeve in a directory whose name has letters, digits, blanks and @+:,._=~()- only.';
  throw new PortreeveError('INSTALL_PATH', message, hint, { path });
}
