// The commands that change the profile in force, and those of the guard, which has the kernel obey it.
import { type Command, command, type Option, type Options, type OptionsOf } from '../../kit/command.ts';
import type { Io } from '../../kit/io.ts';
import { ARCHIVE, CONFIG, DIRECTORY, JSON_OUTPUT, PINS, RUNTIME } from '../../kit/options.ts';
import { DIFF_OPTIONS } from '../../profile/commands/index.ts';
import { FILE, KEEP_GOING, RACF, READING, SKIPPED } from '../../profile/commands/options.ts';

const STATE = {
  ...ARCHIVE,
  detail: 'Without the option that is /var/lib/portreeve.',
} satisfies Option;

const EXACT = {
  help: 'refuse a profile that the kernel cannot obey exactly',
  detail: 'The exit status is then 1, and nothing is changed.',
} satisfies Option;

const LIVE_DIFF_OPTIONS = {
  live: {
    help: 'also list the open sockets that the second one would refuse, or have restarted',
    detail:
      'It is as if the first one had always been enforced. With one file, that is compared with what is in force. ' +
      'See portreeve-guard(1).',
  },
  ...DIFF_OPTIONS,
  pins: PINS,
} satisfies Options;
export type LiveDiffOptions = OptionsOf<typeof LIVE_DIFF_OPTIONS>;

const DIFF = command({
  path: ['profile', 'diff'],
  summary: 'say which reservations and settings two profiles differ in',
  arguments: {
    file: { help: 'a profile', completion: 'file' },
    other: { help: 'the profile that it is compared with', optional: true, completion: 'file' },
  },
  options: LIVE_DIFF_OPTIONS,
  help: `Lines, comments and order do not matter, as far as they mean nothing.
With --live and one file, that is compared with what is in force.

Exit code 0 if both mean the same, 1 if not, 3 if one has errors.`,
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

/** What changes the profile in force. */
const CHANGE_OPTIONS = {
  dryRun: {
    help: 'show what would change, and change nothing (SYNTAXCHECK)',
    detail:
      'That includes the open sockets that would be refused or would have to be restarted. On z/OS it is ' +
      'VARY TCPIP,,SYNTAXCHECK.',
  },
  exact: EXACT,
  keepGoing: { ...KEEP_GOING, detail: 'The rest is carried out.' },
  racf: {
    ...RACF,
    detail:
      'They are kept with the profile, in the place of those that were given before. Without any, nobody may use ' +
      'such ports.',
  },
  verbose: SKIPPED,
  state: {
    ...DIRECTORY,
    help: 'the state directory',
    detail: 'For root that is /var/lib/portreeve.',
    defaultText: 'your own',
  },
  pins: PINS,
  ...READING,
  symbol: { ...READING.symbol, detail: `${READING.symbol.detail} The values are kept with the profile.` },
} satisfies Options;

const APPLY_OPTIONS = {
  revision: {
    value: 'n',
    help: 'bring back what was in force after a revision',
    detail: 'It takes the place of a file.',
    excludes: ['keepGoing', 'racf', 'zosNames'],
  },
  try: {
    value: 'time',
    help: 'go back after that time (60s, 5m, 1d at most), unless portreeve confirm comes',
    detail: 'The kernel does that: it needs no process of portreeve, and no terminal. An hour is `1h`.',
  },
  ...CHANGE_OPTIONS,
} satisfies Options;
export type ApplyOptions = OptionsOf<typeof APPLY_OPTIONS>;

const APPLY = command({
  path: ['apply'],
  summary: 'make a profile the one in force',
  arguments: { file: FILE },
  options: APPLY_OPTIONS,
  help: `Shows what changes, and records the profile with its text. A profile with errors
is refused: then nothing changes.

The kernel goes by it at once where the guard is on (portreeve guard).`,
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
  summary: 'add statements to the profile in force, or delete some of it',
  arguments: { file: { help: 'statements, as for VARY TCPIP,,OBEYFILE', completion: 'file' } },
  options: CHANGE_OPTIONS,
  help: `Carries out the statements of the file, DELETE PORT and DELETE PORTRANGE among
them, on what is in force. A file with errors is refused: then nothing changes.

The kernel goes by it at once where the guard is on (portreeve guard).`,
  examples: ['portreeve obey change.obey --dry-run', 'portreeve obey change.obey'],
  run: async ({ file }, options, io) => {
    const { obeyCommand } = await import('./apply.ts');
    return await obeyCommand(file, options, io);
  },
});

const GUARD_OPTIONS = {
  pins: PINS,
  json: JSON_OUTPUT,
  restarts: { help: 'list who holds a port against the rules, or under rules that have changed' },
  state: STATE,
  config: CONFIG,
  runtime: {
    ...DIRECTORY,
    help: 'ask the daemon with this runtime directory, and not the kernel',
  },
} satisfies Options;

const SHOW = command({
  path: ['guard'],
  summary: 'have the kernel obey the profile',
  options: GUARD_OPTIONS,
  help: `Without a command it shows what the kernel goes by: which revision, since when,
how many binds the profile allowed and how many it did not, enforced or only
observed, and what this kernel cannot do exactly of it. Root looks into the
kernel; the daemon tells everybody else. Where the guard is off it shows what
the kernel lacks for one.

Exit code 0 if the profile is enforced, 1 if it is not, 3 if it cannot be told.
With --restarts 0 if nobody is listed, 1 if somebody is or the guard is off.`,
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
    detail: 'It counts where a socket is made.',
    defaultText: 'all of the host',
    completion: 'directory',
  },
  state: STATE,
  config: CONFIG,
  verbose: { help: "print the whole of the verifier's log where the kernel refuses a program" },
} satisfies Options;

const ENFORCE_OPTIONS = { exact: EXACT, ...OBSERVE_OPTIONS };
type ModeOptions = OptionsOf<typeof ENFORCE_OPTIONS>;

/** What the commands of the guard are given, each some of it. */
export type TypedGuardOptions = OptionsOf<typeof GUARD_OPTIONS & typeof ENFORCE_OPTIONS>;

const MODE_HELP = `The kernel goes on by itself: no process of portreeve has to run. What it cannot
do exactly of the profile is told.`;

async function runMode(mode: 'enforce' | 'observe', options: ModeOptions, io: Io): Promise<number> {
  const { guardModeCommand } = await import('./guard.ts');
  return await guardModeCommand(mode, options, io);
}

const ENFORCE = command({
  path: ['guard', 'enforce'],
  summary: 'refuse what the profile in force does not allow',
  options: ENFORCE_OPTIONS,
  help: MODE_HELP,
  examples: ['portreeve guard enforce'],
  run: async (_, options, io) => await runMode('enforce', options, io),
});

const OBSERVE = command({
  path: ['guard', 'observe'],
  summary: 'allow all, and record what would have been refused',
  options: OBSERVE_OPTIONS,
  help: MODE_HELP,
  examples: ['portreeve guard observe'],
  run: async (_, options, io) => await runMode('observe', options, io),
});

const OFF = command({
  path: ['guard', 'off'],
  summary: 'take the guard out of the kernel',
  options: { pins: PINS, state: STATE },
  help: 'Programs, maps and their names are gone afterwards. The profile stays recorded.',
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
  help: `A profile that was applied with --try goes away by itself unless this comes
first.

Exit code 0 if it stays, 1 if nothing is on trial.`,
  examples: ['portreeve apply profile.tcpip --try 60s && portreeve confirm'],
  run: async (_, options, io) => {
    const { confirmCommand } = await import('./guard.ts');
    return await confirmCommand(options, io);
  },
});

const NAMESPACE_HELP = 'a name of "ip netns", the path of a namespace, or pid:NUMBER';

const NAMESPACES_OPTIONS = { pins: PINS, json: JSON_OUTPUT };
export type NamespacesOptions = OptionsOf<typeof NAMESPACES_OPTIONS>;

const NAMESPACES = command({
  path: ['guard', 'namespaces'],
  summary: 'show the network namespaces in which the profile holds',
  options: NAMESPACES_OPTIONS,
  help: `The first one is that in which the guard was started. portreeve.toml names
others, [guard] namespaces, and so does "add".

Exit code 0, 1 if the guard is not in the kernel, 3 if it cannot be told.`,
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
  summary: 'have the profile hold in one more',
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
  summary: 'leave one alone',
  arguments: { namespace: { help: `${NAMESPACE_HELP}, or cookie:NUMBER` } },
  options: NAMESPACE_OPTIONS,
  help: 'Exit code 0 if the profile held there, 1 if not.',
  examples: ['portreeve guard namespaces remove web', 'portreeve guard namespaces remove cookie:4711'],
  run: async ({ namespace }, options, io) => {
    const { removeNamespaceCommand } = await import('./namespaces.ts');
    return removeNamespaceCommand(namespace, options, io);
  },
});

const EVENTS_OPTIONS = {
  follow: {
    help: 'go on with new ones as they come; without --since only with these',
    detail: 'They come within 100 milliseconds. It takes a running daemon.',
  },
  since: {
    value: 'time',
    help: 'only from then on: 2026-11-20T10:00:00Z, 10m, 2h, 1d, today',
    detail: 'A time is one of RFC 3339; 30s, 10m, 2h or 1d for how long ago; or `today`.',
  },
  job: { value: 'name', help: 'only those of a job' },
  port: {
    value: 'port',
    help: 'only those for a port or range: 80, 53/udp, ssh; may be repeated',
    detail:
      'A range is 8000-8010. Of several ports, 100 at most, those for one of them are listed. Port 0 is a bind of ' +
      'any port, which the kernel chooses.',
    repeatable: true,
  },
  json: {
    ...JSON_OUTPUT,
    help: 'print JSON, a line for each',
    detail:
      '`kind` is `bind` for one, `more` for further ones of which only the number is known, and `lost` for those of ' +
      'which nothing else is known; `count` is the number. `verdict` is `refused` or `observed`, `reason` is a word ' +
      'as portreeve-decide(1) has it, and `rule` is the statement with its file and line. What is not known is null. ' +
      '`number` is larger in each than in those before it.',
  },
  runtime: RUNTIME,
  state: {
    ...DIRECTORY,
    help: 'read the archive in a state directory, and ask no daemon',
    excludes: ['runtime'],
  },
} satisfies Options;
export type EventsOptions = OptionsOf<typeof EVENTS_OPTIONS>;

const EVENTS = command({
  path: ['events'],
  summary: 'list what the guard refused, or would have refused',
  options: EVENTS_OPTIONS,
  help: `Root and the group portreeve see all of them, everybody else his own. Without a
daemon they are read from its archive.`,
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
