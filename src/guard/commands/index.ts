// The commands that change the profile in force, and those of the guard, which enforces it in the kernel.
import { type Command, command, type Option, type Options, type OptionsOf } from '../../kit/command.ts';
import type { Io } from '../../kit/io.ts';
import { CONFIG, DIRECTORY, JSON_OUTPUT, PINS, RUNTIME } from '../../kit/options.ts';
import { DIFF_OPTIONS } from '../../profile/commands/index.ts';
import { FILE, KEEP_GOING, RACF, READING, SKIPPED } from '../../profile/commands/options.ts';

const STATE = {
  ...DIRECTORY,
  help: 'the state directory',
  defaultText: '/var/lib/portreeve',
} satisfies Option;

const EXACT = {
  help: 'refuse a profile that this kernel cannot enforce exactly',
  detail: 'Nothing is changed then, and the exit status is 1.',
} satisfies Option;

const LIVE_DIFF_OPTIONS = {
  live: {
    help: 'also list the open sockets that the second profile would refuse, or that would need a restart',
    detail:
      'The first profile is treated as if it had always been enforced. With one file, the profile in force is the ' +
      'first. See portreeve-guard(1).',
  },
  ...DIFF_OPTIONS,
  pins: PINS,
} satisfies Options;
export type LiveDiffOptions = OptionsOf<typeof LIVE_DIFF_OPTIONS>;

const DIFF = command({
  path: ['profile', 'diff'],
  summary: 'show the reservations and settings in which two profiles differ',
  arguments: {
    file: { help: 'a profile', completion: 'file' },
    other: { help: 'the profile to compare it with', optional: true, completion: 'file' },
  },
  options: LIVE_DIFF_OPTIONS,
  help: `Ignores comments, line breaks, and the order of statements where it has no
meaning. With --live, one file is compared with the profile in force.

Exit status 0 if both mean the same, 1 if they differ, 3 if one has errors.`,
  examples: [
    'portreeve profile diff old.tcpip new.tcpip',
    'portreeve profile diff --live new.tcpip',
    'portreeve profile diff old.tcpip new.tcpip --json',
  ],
  run: async ({ file, other }, { live, ...options }, io) => {
    if (live) {
      const { liveDiffCommand } = await import('./diff-live.ts');
      return await liveDiffCommand(other === undefined ? undefined : file, other ?? file, options, io);
    }
    const { profileDiffCommand } = await import('../../profile/commands/diff.ts');
    return await profileDiffCommand(file, other, options, io);
  },
});

const CHANGE_OPTIONS = {
  dryRun: {
    help: 'show what would change, and change nothing (SYNTAXCHECK)',
    detail:
      'This includes the open sockets that would be refused or need a restart. The z/OS equivalent is ' +
      'VARY TCPIP,,SYNTAXCHECK.',
  },
  exact: EXACT,
  keepGoing: { ...KEEP_GOING, detail: 'The other statements are carried out.' },
  racf: {
    ...RACF,
    detail:
      'They are stored with the profile and replace those stored before. Without any, no user may use ports with SAF.',
  },
  verbose: SKIPPED,
  state: {
    ...DIRECTORY,
    help: 'the state directory',
    detail: 'For root that is /var/lib/portreeve.',
    defaultText: 'that of the user',
  },
  pins: PINS,
  ...READING,
  symbol: { ...READING.symbol, detail: `${READING.symbol.detail} The values are stored with the profile.` },
} satisfies Options;

const APPLY_OPTIONS = {
  revision: {
    value: 'n',
    help: 'apply the profile that was in force after revision n',
    detail: 'It replaces the file argument.',
    excludes: ['keepGoing', 'racf', 'zosNames'],
  },
  try: {
    value: 'time',
    help: 'revert after this time (60s, 5m; at most 1d) unless portreeve confirm runs first',
    detail:
      'The kernel reverts by itself: no process of portreeve and no terminal is needed. An hour is `1h`.',
  },
  ...CHANGE_OPTIONS,
} satisfies Options;
export type ApplyOptions = OptionsOf<typeof APPLY_OPTIONS>;

const APPLY = command({
  path: ['apply'],
  summary: 'put a profile in force',
  arguments: { file: FILE },
  options: APPLY_OPTIONS,
  help: `Shows what changes, and records the profile and its text. A profile with errors
is refused, and nothing changes.

If the guard is on, the kernel uses the profile at once (portreeve guard).`,
  examples: [
    'portreeve apply profile.tcpip --dry-run',
    'portreeve apply profile.tcpip',
    'portreeve apply --revision 3',
  ],
  run: async ({ file }, options, io) => {
    const { applyCommand } = await import('./apply.ts');
    return await applyCommand(file, options, io);
  },
});

const OBEY = command({
  path: ['obey'],
  summary: 'add statements to the profile in force, or delete some of them',
  arguments: { file: { help: 'statements, as for VARY TCPIP,,OBEYFILE', completion: 'file' } },
  options: CHANGE_OPTIONS,
  help: `Applies the statements in the file, including DELETE PORT and DELETE PORTRANGE,
to the profile in force. A file with errors is refused, and nothing changes.

If the guard is on, the kernel uses the new profile at once (portreeve guard).`,
  examples: ['portreeve obey change.obey --dry-run', 'portreeve obey change.obey'],
  run: async ({ file }, options, io) => {
    const { obeyCommand } = await import('./apply.ts');
    return await obeyCommand(file, options, io);
  },
});

const GUARD_OPTIONS = {
  pins: PINS,
  json: JSON_OUTPUT,
  restarts: { help: 'list the open sockets that violate the rules or need a restart' },
  state: STATE,
  config: CONFIG,
  runtime: {
    ...DIRECTORY,
    help: 'ask the daemon with this runtime directory instead of the kernel',
  },
} satisfies Options;

const SHOW = command({
  path: ['guard'],
  summary: 'enforce the profile in the kernel',
  options: GUARD_OPTIONS,
  help: `Without a subcommand, shows the state of the guard: the mode, the revision in
force and since when, how many binds the profile allowed and did not allow, and
what this kernel cannot enforce exactly. If the guard is off, shows what the
kernel lacks to run it. Root inspects the kernel; other users ask the daemon.

Exit status 0 if the profile is enforced, 1 if not, 3 if it could not tell.
With --restarts 0 if no socket is listed, 1 if one is or the guard is off.`,
  examples: [
    'portreeve guard',
    'portreeve guard --restarts',
    'portreeve guard observe',
    'portreeve guard enforce',
    'portreeve guard off',
  ],
  run: async (_, { restarts, ...options }, io) => {
    if (restarts) {
      const { guardRestartsCommand } = await import('./guard.ts');
      return await guardRestartsCommand(options, io);
    }
    const { guardCommand } = await import('./guard.ts');
    return await guardCommand(options, io);
  },
});

const OBSERVE_OPTIONS = {
  pins: PINS,
  cgroup: {
    value: 'path',
    help: 'judge only binds in this cgroup and below',
    detail: 'What counts is the cgroup in which the socket was created.',
    defaultText: 'the whole host',
    completion: 'directory',
  },
  state: STATE,
  config: CONFIG,
  verbose: { help: "print the verifier's complete log if the kernel refuses a program" },
} satisfies Options;

const ENFORCE_OPTIONS = { exact: EXACT, ...OBSERVE_OPTIONS };
type ModeOptions = OptionsOf<typeof ENFORCE_OPTIONS>;

/** The options of the guard's commands; each command has some of them. */
export type TypedGuardOptions = OptionsOf<typeof GUARD_OPTIONS & typeof ENFORCE_OPTIONS>;

const MODE_HELP = `The guard runs in the kernel: no process of portreeve has to keep running.
Prints a note for each statement that this kernel cannot enforce exactly.`;

async function runMode(mode: 'enforce' | 'observe', options: ModeOptions, io: Io): Promise<number> {
  const { guardModeCommand } = await import('./guard.ts');
  return await guardModeCommand(mode, options, io);
}

const ENFORCE = command({
  path: ['guard', 'enforce'],
  summary: 'refuse binds that the profile in force does not allow',
  options: ENFORCE_OPTIONS,
  help: MODE_HELP,
  examples: ['portreeve guard enforce'],
  run: async (_, options, io) => await runMode('enforce', options, io),
});

const OBSERVE = command({
  path: ['guard', 'observe'],
  summary: 'allow all binds, and record those that would be refused',
  options: OBSERVE_OPTIONS,
  help: MODE_HELP,
  examples: ['portreeve guard observe'],
  run: async (_, options, io) => await runMode('observe', options, io),
});

const OFF = command({
  path: ['guard', 'off'],
  summary: 'remove the guard from the kernel',
  options: { pins: PINS, state: STATE },
  help: 'Removes the programs, the maps, and their names. The profile remains recorded.',
  examples: ['portreeve guard off'],
  run: async (_, options, io) => {
    const { guardOffCommand } = await import('./guard.ts');
    return guardOffCommand(options, io);
  },
});

const CONFIRM = command({
  path: ['confirm'],
  summary: 'keep a profile that is on trial',
  options: { pins: PINS, state: STATE },
  help: `A profile that was applied with --try reverts by itself unless it is confirmed
in time.

Exit status 0 if the profile is kept, 1 if no profile is on trial.`,
  examples: ['portreeve apply profile.tcpip --try 60s && portreeve confirm'],
  run: async (_, options, io) => {
    const { confirmCommand } = await import('./guard.ts');
    return await confirmCommand(options, io);
  },
});

const NAMESPACE_HELP = 'a name that "ip netns" lists, the path of a namespace, or pid:NUMBER';

const NAMESPACES_OPTIONS = { pins: PINS, json: JSON_OUTPUT };
export type NamespacesOptions = OptionsOf<typeof NAMESPACES_OPTIONS>;

const NAMESPACES = command({
  path: ['guard', 'namespaces'],
  summary: 'list the network namespaces that the guard covers',
  options: NAMESPACES_OPTIONS,
  help: `The guard always covers the namespace in which it was started, which is
listed first. Others are added by "namespaces" in the section [guard] of
portreeve.toml, and by "portreeve guard namespaces add".

Exit status 0, 1 if the guard is not in the kernel, 3 if it could not tell.`,
  examples: [
    'portreeve guard namespaces',
    'portreeve guard namespaces add web',
    'portreeve guard namespaces remove web',
  ],
  run: async (_, options, io) => {
    const { namespacesCommand } = await import('./namespaces.ts');
    return namespacesCommand(options, io);
  },
});

const NAMESPACE_OPTIONS = { pins: PINS, state: STATE };
export type NamespaceOptions = OptionsOf<typeof NAMESPACE_OPTIONS>;

const ADD_NAMESPACE = command({
  path: ['guard', 'namespaces', 'add'],
  summary: 'cover another network namespace',
  arguments: { namespace: { help: NAMESPACE_HELP } },
  options: NAMESPACE_OPTIONS,
  examples: ['portreeve guard namespaces add web', 'portreeve guard namespaces add pid:812'],
  run: async ({ namespace }, options, io) => {
    const { addNamespaceCommand } = await import('./namespaces.ts');
    return addNamespaceCommand(namespace, options, io);
  },
});

const REMOVE_NAMESPACE = command({
  path: ['guard', 'namespaces', 'remove'],
  summary: 'stop covering a network namespace',
  arguments: { namespace: { help: `${NAMESPACE_HELP}, or cookie:NUMBER` } },
  options: NAMESPACE_OPTIONS,
  help: 'Exit status 0 if the guard covered it, 1 if not.',
  examples: ['portreeve guard namespaces remove web', 'portreeve guard namespaces remove cookie:4711'],
  run: async ({ namespace }, options, io) => {
    const { removeNamespaceCommand } = await import('./namespaces.ts');
    return removeNamespaceCommand(namespace, options, io);
  },
});

const EVENTS_OPTIONS = {
  follow: {
    help: 'keep printing new events; without --since print only new ones',
    detail: 'An event is printed within 100 milliseconds. This needs a running daemon.',
  },
  since: {
    value: 'time',
    help: 'only events since: 2026-11-20T10:00:00Z, 10m, 2h, 1d, today',
    detail: 'A time is an RFC 3339 timestamp, a duration before now such as 30s, 10m, 2h or 1d, or `today`.',
  },
  job: { value: 'name', help: 'only events of this job' },
  port: {
    value: 'port',
    help: 'only events for a port or range: 80, 53/udp, ssh; may be repeated',
    detail:
      'A range is 8000-8010. With several ports (at most 100), events for any of them are listed. Port 0 is a bind ' +
      'for which the kernel chooses the port.',
    repeatable: true,
  },
  json: {
    ...JSON_OUTPUT,
    help: 'print JSON, one line for each event',
    detail:
      '`kind` is `bind` for a single bind, `more` for further binds of which only the number was recorded, and ' +
      '`lost` for binds of which nothing else is known; `count` is the number of binds. `verdict` is `refused` or ' +
      '`observed`, `reason` is a reason of portreeve-decide(1), and `rule` is the statement with its file and line. ' +
      'What is unknown is null. `number` increases from event to event.',
  },
  runtime: RUNTIME,
  state: {
    ...DIRECTORY,
    help: 'read the archive in this state directory, and ask no daemon',
    excludes: ['runtime'],
  },
} satisfies Options;
export type EventsOptions = OptionsOf<typeof EVENTS_OPTIONS>;

const EVENTS = command({
  path: ['events'],
  summary: 'list the binds that the guard refused, or would have refused',
  options: EVENTS_OPTIONS,
  help: `Root and members of the group portreeve see all events, other users only their
own. If no daemon runs, the events are read from its archive.`,
  examples: [
    'portreeve events --since today',
    'portreeve events --follow --port 80/tcp',
    'portreeve events --since 10m --json | jq -r .rule.file',
  ],
  run: async (_, options, io) => {
    const { eventsCommand } = await import('./events.ts');
    return await eventsCommand(options, io);
  },
});

export const GUARD: readonly Command[] = [
  DIFF,
  APPLY,
  OBEY,
  SHOW,
  ENFORCE,
  OBSERVE,
  OFF,
  NAMESPACES,
  ADD_NAMESPACE,
  REMOVE_NAMESPACE,
  CONFIRM,
  EVENTS,
];
