// Declares the commands of the profile: `portreeve profile`, `reservations` and `decide`.
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
    detail: 'The object has `diagnostics`, a list with an object for each finding, and `summary`.',
  },
  format: {
    value: 'form',
    help: 'text, or github for annotations in GitHub Actions',
    detail: '`github` prints workflow commands that show each finding next to its line in a pull request.',
    choices: ['text', 'github'],
    excludes: ['json'],
  },
  bpxprm: {
    ...BPXPRM,
    detail:
      'A warning lists the ports of its INADDRANYPORT and INADDRANYCOUNT that are not reserved for the job of the ' +
      'kernel.',
  },
  racf: {
    ...RACF,
    detail:
      'They are RDEFINE, RALTER, RDELETE and PERMIT of the class SERVAUTH. They are checked too, and a warning lists ' +
      'the SAF resources of the profile that no RACF profile covers.',
  },
  verbose: SKIPPED,
  ...READING,
} as const satisfies Options;
export type ProfileCheckOptions = OptionsOf<typeof CHECK_OPTIONS>;

const CHECK = command({
  path: ['profile', 'check'],
  summary: 'report the errors in a profile',
  arguments: { file: { ...FILE, repeatable: true } },
  options: CHECK_OPTIONS,
  help: `Reports every error in one run: file, line and column, what was found and what
was expected, with the z/OS message number where it is known.

Exit status 0 if there are no errors (there may be warnings), 1 if there are.`,
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
    detail: 'The file is replaced atomically and keeps its owner and mode.',
    excludes: ['check'],
  },
  check: { help: 'print nothing to standard output; exit 1 if the file is not formatted' },
  ...READING,
} satisfies Options;
export type ProfileFormatOptions = OptionsOf<typeof FORMAT_OPTIONS>;

const FORMAT = command({
  path: ['profile', 'format'],
  summary: 'print a profile in its canonical form',
  arguments: { file: FILE },
  options: FORMAT_OPTIONS,
  help: `Comments and meaning are kept. Included files are not formatted, and neither is
a profile with errors.

Exit status 1 if there are errors, or if --check finds that the file is not
formatted.`,
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

/** The options of `profile diff`, which the guard declares, since it can also compare with the kernel. */
export const DIFF_OPTIONS = {
  json: {
    ...JSON_OUTPUT,
    help: 'print JSON, an object for each difference',
    detail:
      'With `--live` it is one object: `changes`, the numbers `refused`, `restart` and `kept`, and `sockets`, an ' +
      'object for each.',
  },
  keepGoing: { ...KEEP_GOING, detail: 'The remaining statements are compared.' },
  racf: { ...RACF, detail: 'Used with `--live` only.' },
  state: { ...STATE, detail: `${STATE.detail} Used with \`--live\` only.` },
  ...READING,
} satisfies Options;
export type ProfileDiffOptions = OptionsOf<typeof DIFF_OPTIONS>;

const HISTORY_OPTIONS = {
  json: { ...JSON_OUTPUT, detail: 'For one revision the object includes its texts.' },
  state: STATE,
};
export type ProfileHistoryOptions = OptionsOf<typeof HISTORY_OPTIONS>;

const HISTORY = command({
  path: ['profile', 'history'],
  summary: 'list the applied profiles, with time and user, or print one of them',
  arguments: { revision: { help: 'the revision to print', optional: true } },
  options: HISTORY_OPTIONS,
  examples: ['portreeve profile history', 'portreeve profile history 3 > profile.tcpip'],
  run: async ({ revision }, options, io) => {
    const { profileHistoryCommand } = await import('./history.ts');
    return profileHistoryCommand(revision, options, io);
  },
});

const RESERVATIONS_OPTIONS = {
  profile: { ...FILE_VALUE, help: 'use this profile instead of the one in force' },
  json: {
    ...JSON_OUTPUT,
    help: 'print JSON, with the option names of SMF 119',
    detail:
      '`ports` has an object for each reservation, whose flags and options have the names of the SMF 119 profile ' +
      'record (subtype 4); `settings` has the rest. Each object has its `rule`: the file, the line and the words of ' +
      'the statement.',
  },
  zos: {
    help: 'print the form of NETSTAT PORTLIST',
    detail:
      'Only the documented flags are used: A AUTOLOG, D DELAYACKS, F SAF, L WHENLISTEN, R PORTRANGE. Options without ' +
      'a flag are listed on standard error.',
    excludes: ['json'],
  },
  keepGoing: { ...KEEP_GOING, detail: 'The remaining statements are listed.' },
  state: STATE,
  ...READING,
} satisfies Options;
export type ReservationsOptions = OptionsOf<typeof RESERVATIONS_OPTIONS>;

const RESERVATIONS = command({
  path: ['reservations'],
  summary: 'list the reserved ports, their jobs, and the statements that reserve them',
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
    help: 'the user the job runs as, a name or uid',
    detail: 'Groups are those of group(5).',
    defaultText: 'the current user',
  },
  address: {
    value: 'address',
    help: 'the address to bind',
    detail: 'For example 192.0.2.7 or [::1].',
    defaultText: '0.0.0.0',
  },
  listen: {
    help: 'decide listen(2) instead of bind(2)',
    detail: 'UNRSV entries with WHENLISTEN apply at listen(2).',
  },
  lowPorts: {
    value: 'answer',
    help: 'whether the process has CAP_NET_BIND_SERVICE',
    detail: 'Linux requires it for ports below 1024. The default is yes for root, no for other users.',
    choices: ['yes', 'no'],
  },
  profile: { ...FILE_VALUE, help: 'use this profile instead of the one in force' },
  racf: { ...RACF, detail: 'They replace those in force.' },
  json: { ...JSON_OUTPUT, detail: 'For several ports `decisions` has an object for each.' },
  keepGoing: KEEP_GOING,
  state: STATE,
  ...READING,
  config: {
    ...READING.config,
    detail:
      `${CONFIG.detail} It sets the jobs that AUTHPORT permits, the job that stands for every job, and the name of ` +
      'the TCP/IP stack.',
  },
} as const satisfies Options;
export type DecideOptions = OptionsOf<typeof DECIDE_OPTIONS>;

const DECIDE = command({
  path: ['decide'],
  summary: 'decide whether a job may bind a port, and show the rule',
  arguments: {
    job: { help: 'the job name' },
    port: { help: 'ports and ranges with their protocol: 80/tcp, domain/udp', repeatable: true },
  },
  options: DECIDE_OPTIONS,
  help: `Without --low-ports, only root has CAP_NET_BIND_SERVICE, which Linux requires
for ports below 1024.

Exit status 0 if the job may bind every port, 1 if not, 3 if this could not be
determined.`,
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
