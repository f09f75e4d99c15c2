// The commands of the profile: `portreeve profile`, `reservations` and `decide`.
import { type Command, command, type Options, type OptionsOf } from '../../kit/command.ts';
import { BPXPRM, CONFIG, FILE_VALUE, JSON_OUTPUT, STATE } from '../../kit/options.ts';
import { FILE, KEEP_GOING, RACF, READING, SKIPPED } from './options.ts';

const GROUP: Command = {
  path: ['profile'],
  summary: 'check, format and compare reservation profiles',
  examples: ['portreeve profile check profile.tcpip', 'portreeve profile history'],
};

const CHECK_OPTIONS = {
  json: {
    ...JSON_OUTPUT,
    help: 'print JSON: the findings, and a summary',
    detail: 'They are `diagnostics`, a list with an object for each, and `summary`.',
  },
  format: {
    value: 'form',
    help: 'text, or github for annotations in its checks',
    detail: '`github` prints workflow commands that put each finding beside its line in a pull request.',
    choices: ['text', 'github'],
    excludes: ['json'],
  },
  bpxprm: {
    ...BPXPRM,
    detail:
      'A warning tells which ports of its INADDRANYPORT and INADDRANYCOUNT are not reserved for the job of the kernel.',
  },
  racf: {
    ...RACF,
    detail:
      'They are RDEFINE, RALTER, RDELETE and PERMIT of the class SERVAUTH. They are checked, and a warning tells ' +
      'which SAF resources of the profile none of them covers.',
  },
  verbose: SKIPPED,
  ...READING,
} as const satisfies Options;
export type ProfileCheckOptions = OptionsOf<typeof CHECK_OPTIONS>;

const CHECK = command({
  path: ['profile', 'check'],
  summary: 'say what is wrong with a profile',
  arguments: { file: { ...FILE, repeatable: true } },
  options: CHECK_OPTIONS,
  help: `All that is wrong is told in one run: file, line and column, what was found and
what was expected, with the message of z/OS where one is known.

Exit code 0 if there are no errors (there may be warnings), 1 if there are.`,
  examples: [
    'portreeve profile check profile.tcpip',
    'portreeve profile check *.tcpip --format github',
    'portreeve profile check profile.tcpip --symbol SYSNAME=PROD1 --zos-names',
  ],
  run: async ({ file }, options, io) => {
    const { profileCheckCommand } = await import('./check.ts');
    return await profileCheckCommand(file, options, io);
  },
});

const FORMAT_OPTIONS = {
  write: {
    help: 'rewrite the file instead of printing it',
    detail: 'It is written whole or not at all, and keeps its owner and mode.',
    excludes: ['check'],
  },
  check: { help: 'only say by the exit code whether it is in that form' },
  ...READING,
} satisfies Options;
export type ProfileFormatOptions = OptionsOf<typeof FORMAT_OPTIONS>;

const FORMAT = command({
  path: ['profile', 'format'],
  summary: 'print a profile in its canonical form',
  arguments: { file: FILE },
  options: FORMAT_OPTIONS,
  help: `Comments stay, and it means the same. Included files are not touched. A profile
with errors is not formatted.

Exit code 1 if there are errors, or if --check finds another form.`,
  examples: [
    'portreeve profile format profile.tcpip',
    'portreeve profile format profile.tcpip --write',
    'portreeve profile format profile.tcpip --check',
  ],
  run: async ({ file }, options, io) => {
    const { profileFormatCommand } = await import('./format.ts');
    return await profileFormatCommand(file, options, io);
  },
});

/** Of `profile diff`, which the guard declares: it also compares with what the kernel obeys. */
export const DIFF_OPTIONS = {
  json: {
    ...JSON_OUTPUT,
    help: 'print JSON, an object for each difference',
    detail:
      'With `--live` it is one object: `changes`, the numbers `refused`, `restart` and `kept`, and `sockets`, an ' +
      'object for each.',
  },
  keepGoing: { ...KEEP_GOING, detail: 'What is left is compared.' },
  racf: { ...RACF, detail: 'They count with `--live`.' },
  state: { ...STATE, detail: `${STATE.detail} It counts with \`--live\`.` },
  ...READING,
} satisfies Options;
export type ProfileDiffOptions = OptionsOf<typeof DIFF_OPTIONS>;

const HISTORY_OPTIONS = {
  json: { ...JSON_OUTPUT, detail: 'With a revision it has its texts, too.' },
  state: STATE,
};
export type ProfileHistoryOptions = OptionsOf<typeof HISTORY_OPTIONS>;

const HISTORY = command({
  path: ['profile', 'history'],
  summary: 'list what was applied, when and by whom, or show its text',
  arguments: { revision: { help: 'the revision whose text is shown', optional: true } },
  options: HISTORY_OPTIONS,
  examples: ['portreeve profile history', 'portreeve profile history 3 > profile.tcpip'],
  run: async ({ revision }, options, io) => {
    const { profileHistoryCommand } = await import('./history.ts');
    return profileHistoryCommand(revision, options, io);
  },
});

const RESERVATIONS_OPTIONS = {
  profile: { ...FILE_VALUE, help: 'of that profile instead of what is in force' },
  json: {
    ...JSON_OUTPUT,
    help: 'print JSON, with the option names of SMF 119',
    detail:
      '`ports` has an object for each reservation, with the flags and options under the names that the profile ' +
      'record of SMF 119 (subtype 4) has for them; `settings` has the rest. Each has its `rule`: the file, the line ' +
      'and the words of the statement.',
  },
  zos: {
    help: 'print it in the shape of NETSTAT PORTLIST',
    detail:
      'Of the flags it uses those whose meaning is known: A AUTOLOG, D DELAYACKS, F SAF, L WHENLISTEN, R PORTRANGE. ' +
      'Options that these cannot say are named on standard error.',
    excludes: ['json'],
  },
  keepGoing: { ...KEEP_GOING, detail: 'The rest is listed.' },
  state: STATE,
  ...READING,
} satisfies Options;
export type ReservationsOptions = OptionsOf<typeof RESERVATIONS_OPTIONS>;

const RESERVATIONS = command({
  path: ['reservations'],
  summary: 'list the ports that are reserved, for whom, and by which statement',
  options: RESERVATIONS_OPTIONS,
  examples: [
    'portreeve reservations',
    'portreeve reservations --profile profile.tcpip --zos',
    "portreeve reservations --json | jq '.ports[] | select(.rsvOptions.SAF)'",
  ],
  run: async (_, options, io) => {
    const { reservationsCommand } = await import('./reservations.ts');
    return await reservationsCommand(options, io);
  },
});

const DECIDE_OPTIONS = {
  user: {
    value: 'user',
    help: 'the user it runs as, a name or uid',
    detail: 'It is one of passwd(5), with the groups of group(5).',
    defaultText: 'you',
  },
  address: {
    value: 'address',
    help: 'the address that it binds',
    detail: 'It is one such as 192.0.2.7 or [::1].',
    defaultText: '0.0.0.0',
  },
  listen: {
    help: 'ask about listen(2) instead of bind(2)',
    detail: 'WHENLISTEN puts the question of unreserved ports off until then.',
  },
  lowPorts: {
    value: 'answer',
    help: 'whether Linux lets it have ports below 1024',
    detail: 'That takes CAP_NET_BIND_SERVICE. Without the option root may and others may not.',
    choices: ['yes', 'no'],
  },
  profile: { ...FILE_VALUE, help: 'by that profile instead of what is in force' },
  racf: { ...RACF, detail: 'They take the place of those in force.' },
  json: { ...JSON_OUTPUT, detail: 'Of several ports `decisions` has an object for each.' },
  keepGoing: KEEP_GOING,
  state: STATE,
  ...READING,
  config: {
    ...READING.config,
    detail:
      `${CONFIG.detail} It names the jobs that AUTHPORT lets in, the job that stands for every job, and the ` +
      'TCP/IP stack.',
  },
} as const satisfies Options;
export type DecideOptions = OptionsOf<typeof DECIDE_OPTIONS>;

const DECIDE = command({
  path: ['decide'],
  summary: 'say whether a job may have a port, and which statement says so',
  arguments: {
    job: { help: 'the job name' },
    port: { help: 'ports and ranges with their protocol: 80/tcp, domain/udp', repeatable: true },
  },
  options: DECIDE_OPTIONS,
  help: `Without --low-ports, root may have ports below 1024 and others may not.

Exit code 0 if it may have each of them, 1 if not, 3 if it cannot be told.`,
  examples: [
    'portreeve decide WEB 80/tcp 8000-8010/tcp',
    'portreeve decide TESTSYS 4000/tcp --user daemon --profile profile.tcpip',
  ],
  run: async ({ job, port }, options, io) => {
    const { decideCommand } = await import('./decide.ts');
    return await decideCommand(job, port, options, io);
  },
});

export const PROFILE: readonly Command[] = [GROUP, CHECK, FORMAT, HISTORY, RESERVATIONS, DECIDE];
