// Plans `portreeve install` and `portreeve uninstall`; a plan can be printed or carried out.
import type { Present } from '../../host/host.ts';
import { SYSTEM_DIRECTORIES } from '../../kit/directories.ts';
import { parseGroup } from '../../text/group.ts';
import { parsePasswd } from '../../text/passwd.ts';
import {
  CONTROL_GROUP,
  INSTALLED_PATHS,
  type InstalledProgram,
  isOurs,
  PORTMAP_USER,
  SYSUSERS_FILE,
  UNIT_LINKS,
  UNITS,
  type UnitFile,
  type UnitLink,
  unitFiles,
  unitName,
} from './units.ts';

/** The target system: this host, or a directory tree. Paths are absolute in it. */
export interface InstallPlace {
  readonly inspect: (path: string) => Present;
  /** It is the running host, so that commands can be run. */
  readonly isLive: boolean;
  /** systemd is its first process (sd_booted(3)). */
  readonly isBooted: boolean;
  readonly hasCommand: (name: string) => boolean;
}

/** The steps of an installation: files and links first, then commands. */
export interface InstallPlan {
  readonly files: readonly UnitFile[];
  readonly links: readonly UnitLink[];
  readonly commands: readonly (readonly string[])[];
  /** Notes for the user, one sentence each. */
  readonly notes: readonly string[];
  /** Paths of foreign files and links: the installation is refused unless it may replace them. */
  readonly foreign: readonly string[];
}

/** The steps of an uninstallation: commands, then paths, then commands. */
export interface UninstallPlan {
  readonly before: readonly (readonly string[])[];
  readonly paths: readonly string[];
  /** Directories to remove with their contents. */
  readonly trees: readonly string[];
  readonly after: readonly (readonly string[])[];
  readonly notes: readonly string[];
}

/** Starts all units or restarts them; this includes rpcbind, since its unit names are then aliases. */
const RESTART = ['systemctl', 'restart', ...UNITS];
const RELOAD = ['systemctl', 'daemon-reload'];
const SYSUSERS_COMMAND = 'systemd-sysusers';
const RPCBIND_UNITS = ['/usr/lib/systemd/system/rpcbind.service', '/lib/systemd/system/rpcbind.service'];

/** Plans the installation. Throws like unitFiles(). */
export function planInstall(program: InstalledProgram, place: InstallPlace): InstallPlan {
  const due = unitFiles(program)
    .map((file) => ({ file, present: place.inspect(file.path) }))
    .filter(({ file, present }) => !(present.kind === 'file' && present.text === file.text));
  const files = due.map(({ file }) => file);
  const made = new Set(due.filter(({ present }) => !isOurFile(present)).map(({ file }) => file.path));
  const unlinked = UNIT_LINKS.map((link) => ({ link, present: place.inspect(link.path) })).filter(
    ({ link, present }) => !isLinked(link, present),
  );
  const isNew = ({ link, present }: Unlinked) => present.kind !== 'nothing' || made.has(link.target);
  const links = unlinked.filter(isNew).map(({ link }) => link);
  // An existing unit that is disabled was disabled on purpose.
  const disabled = unlinked.filter((each) => !isNew(each)).map(({ link }) => link);
  const { commands, notes } = commandsFor(files, links, place);
  const foreignFiles = due.filter(({ present }) => present.kind !== 'nothing' && !isOurFile(present));
  const foreignLinks = unlinked.filter(({ present }) => present.kind !== 'nothing');
  return {
    files,
    links,
    commands,
    notes: [...notes, ...disabledNotes(disabled), ...startNotes(files, links, place)],
    foreign: [...foreignFiles.map(({ file }) => file.path), ...foreignLinks.map(({ link }) => link.path)],
  };
}

interface Unlinked {
  readonly link: UnitLink;
  readonly present: Present;
}

/** Whether nothing needs to be done. */
export function isDone({ files, links, commands }: InstallPlan): boolean {
  return files.length + links.length + commands.length === 0;
}

const isOurFile = (present: Present): boolean => present.kind === 'file' && isOurs(present.text);

function isLinked(link: UnitLink, present: Present): boolean {
  return present.kind === 'link' && unitName(present.target) === unitName(link.target);
}

function commandsFor(
  files: readonly UnitFile[],
  links: readonly UnitLink[],
  place: InstallPlace,
): Pick<InstallPlan, 'commands' | 'notes'> {
  if (!place.isLive) return { commands: [], notes: [] };
  const commands: string[][] = [];
  const notes: string[] = [];
  if (files.some(({ path }) => path === SYSUSERS_FILE) || !hasAccounts(place)) {
    if (place.hasCommand(SYSUSERS_COMMAND)) commands.push([SYSUSERS_COMMAND, SYSUSERS_FILE]);
    else if (!hasAccounts(place)) notes.push(ACCOUNTS_NOTE);
  }
  const hasUnits = links.length > 0 || files.some(({ path }) => path !== SYSUSERS_FILE);
  if (hasUnits && place.isBooted) commands.push(RELOAD);
  if (hasUnits && !place.isBooted) notes.push('systemd is not running: the units start when it does.');
  return { commands, notes };
}

const ACCOUNTS_NOTE =
  `There is no ${SYSUSERS_COMMAND}: create the accounts with groupadd --system ${CONTROL_GROUP}, and ` +
  `useradd --system --user-group --no-create-home --shell /usr/sbin/nologin ${PORTMAP_USER}.`;

/** Whether the user and the group exist. */
function hasAccounts({ inspect }: InstallPlace): boolean {
  const text = (path: string) => {
    const present = inspect(path);
    return present.kind === 'file' ? present.text : '';
  };
  const hasUser = parsePasswd(text('/etc/passwd')).some(({ name }) => name === PORTMAP_USER);
  return hasUser && parseGroup(text('/etc/group')).some(({ name }) => name === CONTROL_GROUP);
}

function disabledNotes(links: readonly UnitLink[]): string[] {
  const units = new Set(links.map(({ target }) => unitName(target)));
  return [...units].map((unit) => `${unit} is disabled. To enable it: systemctl enable ${unit}`);
}

function startNotes(files: readonly UnitFile[], links: readonly UnitLink[], place: InstallPlace): string[] {
  if (files.length + links.length === 0) return [];
  const hasRpcbind = RPCBIND_UNITS.some((path) => place.inspect(path).kind !== 'nothing');
  const rpcbind = hasRpcbind ? RPCBIND_REPLACED : [];
  return [
    ...rpcbind,
    'The guard refuses nothing before a profile is applied: portreeve apply FILE',
    `The units start with the next boot.${place.isBooted ? ` To start them now: ${RESTART.join(' ')}` : ''}`,
  ];
}

const RPCBIND_REPLACED = [
  'portreeve replaces rpcbind: rpcbind.service and rpcbind.socket are aliases of its units.',
  'The registrations of rpcbind are lost: restart its RPC servers. Also, portreeve listens on loopback only, unless ' +
    '[portmap] listen of portreeve.toml names other addresses. To keep the registrations and addresses, run ' +
    '"portreeve portmap take-over" and end it with Ctrl-C before the units start.',
];

/** Plans the removal of everything that was installed, with `purge` also of the state. */
export function planUninstall(place: InstallPlace, purge: boolean): UninstallPlan {
  const files = INSTALLED_PATHS.map((path) => ({ path, present: place.inspect(path) }));
  const installed = files.filter(({ present }) => isOurFile(present)).map(({ path }) => path);
  const links = UNIT_LINKS.filter((link) => isLinked(link, place.inspect(link.path))).map(({ path }) => path);
  const units = installed.filter((path) => path !== SYSUSERS_FILE).map(unitName);
  const { state, runtime } = SYSTEM_DIRECTORIES;
  const isPurged = purge && place.inspect(state).kind === 'directory';
  const canStop = place.isLive && place.isBooted && units.length > 0;
  const hasRuntime = canStop && place.inspect(runtime).kind === 'directory';
  return {
    before: canStop ? [['systemctl', 'stop', ...units.toReversed()]] : [],
    paths: [...links, ...installed],
    // The units preserve it across restarts; after they stopped, its contents are of no use.
    trees: [...(hasRuntime ? [runtime] : []), ...(isPurged ? [state] : [])],
    after: canStop ? [RELOAD] : [],
    notes: [
      ...leftovers(place, isPurged),
      ...(links.some((path) => unitName(path).startsWith('rpcbind')) ? [RPCBIND_BACK] : []),
    ],
  };
}

/** What remains. */
function leftovers(place: InstallPlace, isPurged: boolean): string[] {
  const { state, config } = SYSTEM_DIRECTORIES;
  const isThere = (path: string) => place.inspect(path).kind === 'directory';
  const foreign = INSTALLED_PATHS.filter((path) => {
    const present = place.inspect(path);
    return present.kind !== 'nothing' && !isOurFile(present);
  });
  return [
    ...foreign.map((path) => `not removed: ${path}, which portreeve did not write`),
    ...(isThere(state) && !isPurged
      ? [`not removed: ${state}, with the history of applied profiles; --purge removes it`]
      : []),
    ...(isThere(config) ? [`not removed: ${config}, with the settings`] : []),
    ...(hasAccounts(place) ? [`not removed: the user ${PORTMAP_USER} and the group ${CONTROL_GROUP}`] : []),
  ];
}

const RPCBIND_BACK =
  'If rpcbind is installed, rpcbind.service and rpcbind.socket are its units again. To start it now: ' +
  'systemctl start rpcbind.socket';
