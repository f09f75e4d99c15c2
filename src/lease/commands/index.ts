// The commands that choose a port and that give a program its job: `portreeve suggest` and `run`.
import { type Command, command, type Options, type OptionsOf } from '../../kit/command.ts';
import { ARCHIVE, CONFIG, DIRECTORY, JSON_OUTPUT } from '../../kit/options.ts';

const RUN_OPTIONS = {
  job: {
    value: 'name',
    help: 'the job that it is judged as when it binds a port',
    detail:
      'It has 1 to 64 of the characters A-Z 0-9 @ # $ _ . - in capitals; small letters become capitals.',
    required: true,
  },
  runtime: {
    ...DIRECTORY,
    help: "the daemon's runtime directory",
    detail: 'Without the option that is /run/portreeve.',
  },
  shell: { value: 'pid', help: 'the shell that has called us, and that becomes the command', hidden: true },
} satisfies Options;
export type RunOptions = OptionsOf<typeof RUN_OPTIONS>;

const RUN = command({
  path: ['run'],
  summary: 'run a command as a job',
  usage: '[options] -- <command> [argument...]',
  arguments: {
    command: { help: 'the command and its arguments, behind "--"', optional: true, repeatable: true },
  },
  options: RUN_OPTIONS,
  help: `The command runs as you, in your terminal, in the process that portreeve was
called as, and what it starts is the same job. Who may take which job is said in
portreeve.toml: [job.NAME] users and groups; root may take all.

Exit code 125 if portreeve failed, 126 if the command cannot be executed, 127 if
it is not found, otherwise that of the command.`,
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
  block: { value: 'size', help: 'blocks of so many ports that follow each other' },
  stacks: {
    value: 'list',
    help: 'the systems whose clients must not get them, "-" before one to leave it out',
    detail:
      'They are names of portreeve-stacks(1), `today` or `all`, separated by commas; `-host` leaves out this host. ' +
      'OpenBSD and z/OS are not in `today`: they give nearly every port to clients, and nothing would be left.',
    default: 'today',
  },
  near: {
    value: 'port',
    help: 'the nearest to this one, 8000 or http-alt',
    detail: 'It is a number or a service. Of two that are as near the lower one comes first.',
  },
  name: {
    value: 'name',
    help: 'what they are for: the same name has the same ports again',
    detail:
      'Each name has an order of the ports of its own, which looks like chance and is the same everywhere: the same ' +
      'name gets the same port on every host where nothing speaks against it, and another name most likely another ' +
      'one. Where IANA or /etc/services has a port of that name, it is told. The name is put behind the statement of ' +
      '`--reserve` as a comment.',
  },
  protocol: {
    value: 'which',
    help: 'what they are to be free for',
    choices: ['tcp', 'udp', 'both'],
    default: 'both',
  },
  reserve: {
    value: 'job',
    help: 'print the statement that reserves them for a job, and nothing else',
    detail:
      'That is PORT or PORTRANGE, one entry for each protocol. Where there are not enough ports nothing goes to ' +
      'standard output, and to standard error what can be done. *job* may be a pattern, or RESERVED for nobody. ' +
      'Nothing is applied: the statement goes into a profile, and that to portreeve-apply(1) or portreeve-obey(1).',
  },
  config: { ...CONFIG, detail: `${CONFIG.detail} profile.zos_names holds the job to 8 characters.` },
  state: {
    ...ARCHIVE,
    detail: "Without the option that is your own if there is anything in it, else the system's.",
  },
  json: {
    ...JSON_OUTPUT,
    detail:
      'It has `suggestions`, `passedOver` (the first 100 of `passedOverCount`), `giveUp`, `advice`, `known` and ' +
      '`statements`.',
  },
} as const satisfies Options;
export type SuggestOptions = OptionsOf<typeof SUGGEST_OPTIONS>;

const SUGGEST = command({
  path: ['suggest'],
  summary: 'choose ports for a server that nobody else gets',
  arguments: { n: { help: 'how many ports, or blocks (default: 1)', optional: true } },
  options: SUGGEST_OPTIONS,
  help: `A port is chosen that no client is given, here and on the systems of the list,
that nobody is assigned, that is in no pool of a known program, held by no
socket, reserved by nothing and refused by no browser. "today" is the systems
that one meets now, "all" every one that is known: portreeve stacks lists them.

Exit code 0 if there are as many as were asked for, 1 if not.`,
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
