// The commands that choose ports and that run a program as a job: `portreeve suggest` and `run`.
import { type Command, command, type Options, type OptionsOf } from '../../kit/command.ts';
import { CONFIG, DIRECTORY, JSON_OUTPUT, STATE } from '../../kit/options.ts';

const RUN_OPTIONS = {
  job: {
    value: 'name',
    help: 'the job by which its binds are judged',
    detail: '1 to 64 of the characters A-Z 0-9 @ # $ _ . -; lowercase letters are converted to uppercase.',
    required: true,
  },
  runtime: {
    ...DIRECTORY,
    help: "the daemon's runtime directory",
    defaultText: '/run/portreeve',
  },
  shell: { value: 'pid', help: 'the calling shell, which executes the command', hidden: true },
} satisfies Options;
export type RunOptions = OptionsOf<typeof RUN_OPTIONS>;

const RUN = command({
  path: ['run'],
  summary: 'run a command as a job',
  usage: '[options] -- <command> [argument...]',
  arguments: {
    command: { help: 'the command and its arguments, after "--"', optional: true, repeatable: true },
  },
  options: RUN_OPTIONS,
  help: `The command replaces portreeve in the same process, as the same user. The job
also applies to its child processes. The sections [job.NAME] of portreeve.toml
list the users and groups that may take a job; root may take any job.

Exit status 125 if portreeve failed, 126 if the command cannot be executed, 127
if it was not found, otherwise that of the command.`,
  examples: [
    'portreeve run --job WEB -- python3 -m http.server 8080',
    "sudo portreeve run --job NGINX -- nginx -g 'daemon off;'",
  ],
  run: async (words, options, _, { typed }) => {
    const { runCommand } = await import('./run.ts');
    return await runCommand(words.command, typed, options);
  },
});

const SUGGEST_OPTIONS = {
  block: { value: 'size', help: 'choose blocks of this many consecutive ports' },
  stacks: {
    value: 'list',
    help: 'systems whose ephemeral ranges to avoid; "-NAME" excludes one',
    detail:
      'Names of portreeve-stacks(1), `today` or `all`, separated by commas. This host is included; `-host` excludes ' +
      'it. OpenBSD and z/OS are not in `today`, because their ephemeral ranges contain nearly every port.',
    default: 'today',
  },
  near: {
    value: 'port',
    help: 'prefer the nearest to this port, such as 8000 or http-alt',
    detail: 'A number or a service name. At the same distance, the lower port is preferred.',
  },
  name: {
    value: 'name',
    help: 'name of the service; the same name gets the same ports',
    detail:
      'Each name has its own pseudorandom order of ports: the same name gets the same port on every host where that ' +
      'port is free, and different names most likely get different ports. A port that already has the name in ' +
      "IANA's registry or in /etc/services is reported. With `--reserve` the name is added as a comment.",
  },
  protocol: {
    value: 'which',
    help: 'the protocols for which they must be free',
    choices: ['tcp', 'udp', 'both'],
    default: 'both',
  },
  reserve: {
    value: 'job',
    help: 'print only the statement that reserves them for a job',
    detail:
      'The statement is PORT or PORTRANGE, with an entry for each protocol. If there are too few ports, a report is ' +
      'printed on standard error and nothing on standard output. *job* may be a pattern, or RESERVED for no job. ' +
      'Nothing is applied: add the statement to a profile for portreeve-apply(1) or portreeve-obey(1).',
  },
  config: { ...CONFIG, detail: `${CONFIG.detail} profile.zos_names limits the job to 8 characters.` },
  state: STATE,
  json: {
    ...JSON_OUTPUT,
    detail:
      'An object with `suggestions`, `skipped` (the first 100 of `skippedCount`), `exclusion`, `advice`, `existing` ' +
      'and `statements`.',
  },
} as const satisfies Options;
export type SuggestOptions = OptionsOf<typeof SUGGEST_OPTIONS>;

const SUGGEST = command({
  path: ['suggest'],
  summary: 'choose ports for a server that do not conflict with anything',
  arguments: { n: { help: 'number of ports or blocks (default: 1)', optional: true } },
  options: SUGGEST_OPTIONS,
  help: `Chooses ports that are not in use, not reserved, not in the ephemeral range of
this host or of the listed systems, not assigned by IANA, not in the default
range of well-known software, and not blocked by browsers. "today" is the
systems in common use, "all" every known system; see portreeve stacks.

Exit status 0 if there are as many as requested, 1 if not.`,
  examples: [
    'portreeve suggest',
    'portreeve suggest --name orders --reserve ORDERS >> profile.tcpip',
    'portreeve suggest 2 --block 10 --near 8000',
    'portreeve suggest --stacks all,-irix,-zos,-openbsd,-vos-stcp-old',
  ],
  run: async ({ n }, options, io) => {
    const { suggestCommand } = await import('./suggest.ts');
    return await suggestCommand(n, options, io);
  },
});

export const LEASE: readonly Command[] = [RUN, SUGGEST];
