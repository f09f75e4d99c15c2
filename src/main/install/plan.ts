// What `portreeve install` and `portreeve uninstall` do on a host, as a plan that can be shown or carried out.
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

/** The host, or the tree of one, as far as it matters here. Paths are absolute in it. */
export interface InstallPlace {
  readonly look: (path: string) => Present;
  /** Commands can be run there: it is the host that runs. */
  readonly isLive: boolean;
  /** systemd is its first process (sd_booted(3)). */
  readonly isBooted: boolean;
  readonly hasCommand: (name: string) => boolean;
}

/** What is to be done: files and links first, then commands. */
export interface InstallPlan {
  readonly files: readonly UnitFile[];
  readonly links: readonly UnitLink[];
  readonly commands: readonly (readonly string[])[];
  /** What else there is to know, a sentence each. */
  readonly notes: readonly string[];
  /** Where there is something that is not ours; unless it is to be replaced, nothing is done. */
  readonly foreign: readonly string[];
}

/** What is to be taken away: commands before, then paths, then commands after. */
export interface UninstallPlan {
  readonly before: readonly (readonly string[])[];
  readonly paths: readonly string[];
  /** A directory with all that is in it. */
  readonly trees: readonly string[];
  readonly after: readonly (readonly string[])[];
  readonly notes: readonly string[];
}

/** Starts everything, and restarts what runs; so does it with rpcbind, whose names are ours then. */
const RESTART = ['systemctl', 'restart', ...UNITS];
const RELOAD = ['systemctl', 'daemon-reload'];
const SYSUSERS_COMMAND = 'systemd-sysusers';
const RPCBIND_UNITS = ['/usr/lib/systemd/system/rpcbind.service', '/lib/systemd/system/rpcbind.service'];

/** What has to be done so that systemd starts the program. Throws like unitFiles(). */
export function planInstall(program: InstalledProgram, place: InstallPlace): InstallPlan {
  const due = unitFiles(program)
    .map((file) => ({ file, present: place.look(file.path) }))
    .filter(({ file, present }) => !(present.kind === 'file' && present.text === file.text));
  const files = due.map(({ file }) => file);
  const made = new Set(due.filter(({ present }) => !isOurFile(present)).map(({ file }) => file.path));
  const unlinked = UNIT_LINKS.map((link) => ({ link, present: place.look(link.path) })).filter(
    ({ link, present }) => !isLinked(link, present),
  );
  const isNew = ({ link, present }: Unlinked) => present.kind !== 'nothing' || made.has(link.target);
  const links = unlinked.filter(isNew).map(({ link }) => link);
  // Whoever has disabled a unit that is there has meant it.
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

/** Whether nothing is left to be done. */
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
  if (hasUnits && !place.isBooted)
    notes.push('systemd does not run here: nothing starts these units until it does.');
  return { commands, notes };
}

const ACCOUNTS_NOTE =
  `There is no ${SYSUSERS_COMMAND}: make the accounts with groupadd --system ${CONTROL_GROUP}, and ` +
  `useradd --system --user-group --no-create-home --shell /usr/sbin/nologin ${PORTMAP_USER}.`;

/** Whether the user and the group are there. */
function hasAccounts({ look }: InstallPlace): boolean {
  const text = (path: string) => {
    const present = look(path);
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
  const hasRpcbind = RPCBIND_UNITS.some((path) => place.look(path).kind !== 'nothing');
  const rpcbind = hasRpcbind ? RPCBIND_GOES : [];
  return [
    ...rpcbind,
    'The guard refuses nothing before a profile is applied: portreeve apply FILE',
    `The units start with the next boot.${place.isBooted ? ` To start them now: ${RESTART.join(' ')}` : ''}`,
  ];
}

const RPCBIND_GOES = [
  'portreeve takes the place of rpcbind: rpcbind.service and rpcbind.socket are names of its units now.',
  'What was registered with rpcbind is gone with it: start its RPC servers again. And portreeve answers on loopback ' +
    'only, unless [portmap] listen of portreeve.toml names other addresses. To carry both over instead, run ' +
    '"portreeve portmap take-over" and end that with Ctrl-C, before the units start.',
];

/** What has to be done to take away what is ours, and with `purge` the state as well. */
export function planUninstall(place: InstallPlace, purge: boolean): UninstallPlan {
  const files = INSTALLED_PATHS.map((path) => ({ path, present: place.look(path) }));
  const ours = files.filter(({ present }) => isOurFile(present)).map(({ path }) => path);
  const links = UNIT_LINKS.filter((link) => isLinked(link, place.look(link.path))).map(({ path }) => path);
  const units = ours.filter((path) => path !== SYSUSERS_FILE).map(unitName);
  const { state, runtime } = SYSTEM_DIRECTORIES;
  const isPurged = purge && place.look(state).kind === 'directory';
  const canStop = place.isLive && place.isBooted && units.length > 0;
  const hasRuntime = canStop && place.look(runtime).kind === 'directory';
  return {
    before: canStop ? [['systemctl', 'stop', ...units.toReversed()]] : [],
    paths: [...links, ...ours],
    // The units keep it over a restart; once they are stopped nobody needs what is in it.
    trees: [...(hasRuntime ? [runtime] : []), ...(isPurged ? [state] : [])],
    after: canStop ? [RELOAD] : [],
    notes: [
      ...leftovers(place, isPurged),
      ...(links.some((path) => unitName(path).startsWith('rpcbind')) ? [RPCBIND_BACK] : []),
    ],
  };
}

/** What is not taken away. */
function leftovers(place: InstallPlace, isPurged: boolean): string[] {
  const { state, config } = SYSTEM_DIRECTORIES;
  const isThere = (path: string) => place.look(path).kind === 'directory';
  const foreign = INSTALLED_PATHS.filter((path) => {
    const present = place.look(path);
    return present.kind !== 'nothing' && !isOurFile(present);
  });
  return [
    ...foreign.map((path) => `left: ${path}, which is not portreeve's`),
    ...(isThere(state) && !isPurged ? [`left: ${state}, with what was applied; --purge removes it`] : []),
    ...(isThere(config) ? [`left: ${config}, with your settings`] : []),
    ...(hasAccounts(place) ? [`left: the user ${PORTMAP_USER} and the group ${CONTROL_GROUP}`] : []),
  ];
}

const RPCBIND_BACK =
  'Where rpcbind is installed, rpcbind.service and rpcbind.socket are its units again. To start it now: ' +
  'systemctl start rpcbind.socket';
