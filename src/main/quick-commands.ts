// The commands that are to be quick, and the quick way to them: where nothing unusual was typed it is read here.
import type { Io } from '../kit/io.ts';
import { processIo } from '../kit/process-io.ts';

/** Options as they were typed: true for one that takes no value. */
export type TypedOptions = Readonly<Record<string, string | true>>;

/** A command: what it is declared by, and what it does. */
export interface QuickCommand {
  readonly name: string;
  readonly description: string;
  /** "<port...>", or "[port...]" where there may be none. */
  readonly argument: string;
  readonly argumentHelp: string;
  /** "--json", or "--owner <word>" for one that takes a value, each with what it means. */
  readonly options: readonly (readonly [flags: string, help: string])[];
  /** What follows the options in its help. */
  readonly help: string;
  readonly run: (words: readonly string[], options: TypedOptions, io: Io) => Promise<number>;
}

const RUNTIME: QuickCommand['options'][number] = [
  '--runtime <dir>',
  "the daemon's runtime directory (default: your own, then the system's)",
];

const PORTS_HELP = 'ports and ranges: 80, 53/udp, ssh, 8000-8010';

export const PORTS: QuickCommand = {
  name: 'ports',
  description: 'list the ports that are held, by whom, and what they are called',
  argument: '[port...]',
  argumentHelp: PORTS_HELP,
  options: [
    ['--listening', 'only what others can reach: TCP that listens, UDP that is not connected'],
    ['--all', 'every socket: connections and TIME_WAIT, too'],
    ['--owner <word>', 'only of this process (name or pid), user, unit, container or job'],
    ['--watch', 'print a line for each change as it happens'],
    ['--json', 'print JSON'],
    RUNTIME,
    ['--state <dir>', 'where the record of applied profiles is'],
  ],
  help: `
Without --listening and --all: what holds a port for others to reach, and what
is bound and does not listen, which other tools do not show.

Exit code 0, or 1 if ports or an owner were named and there is nothing.

Examples:
  portreeve ports
  portreeve ports 8000-8100 53/udp ssh
  portreeve ports --all --owner nginx
  portreeve ports --listening --json | jq '.ports[] | select(.user != "root")'`,
  run: async (words, options, io) => {
    const { portsCommand } = await import('../sockets/commands/ports.ts');
    return await portsCommand(words, options, io);
  },
};

export const WHO: QuickCommand = {
  name: 'who',
  description: 'say in one line who holds a port',
  argument: '<port...>',
  argumentHelp: PORTS_HELP,
  options: [['--json', 'print JSON'], RUNTIME],
  help: `
Exit code 0 if somebody holds it, 1 if nobody does, 3 if somebody does and you
may not see who. Of several ports the highest.

Examples:
  portreeve who 8080
  portreeve who 80 443/tcp ssh
  portreeve who 53/udp || echo free`,
  run: async (words, options, io) => {
    const { whoCommand } = await import('../sockets/commands/who.ts');
    return await whoCommand(words, options, io);
  },
};

export const EXPLAIN: QuickCommand = {
  name: 'explain',
  description: 'say all about one port: who has it, and whether you can',
  argument: '<port...>',
  argumentHelp: PORTS_HELP,
  options: [
    ['--state <dir>', 'where the applied profile and the refusals are kept'],
    ['--json', 'print JSON'],
  ],
  help: `
The first line says whether a server could have the port now, on all addresses,
and if not, why not and what to do. Without a protocol it is asked for both.

Exit code 0 if you can have it, 1 if you cannot, 3 if it depends on what the
kernel does not show. Of several ports the highest.

Examples:
  portreeve explain 8080
  portreeve explain 8000-8010 ssh
  portreeve explain 40030/tcp
  portreeve explain 631 --json | jq '.explanations[].answer'`,
  run: async (words, options, io) => {
    const { explainCommand } = await import('../doctor/commands/explain.ts');
    return await explainCommand(words, options, io);
  },
};

const QUICK: readonly QuickCommand[] = [PORTS, WHO, EXPLAIN];

/** What was typed, read. */
export interface QuickCall {
  readonly command: QuickCommand;
  readonly words: readonly string[];
  readonly options: TypedOptions;
}

/**
 * Reads a command line that is one of these commands, its options as they are declared, and words. Undefined for
 * everything else, be it right or wrong: that is read by commander, which takes longer to load than this to run.
 */
export function quickCall([name, ...typed]: readonly string[]): QuickCall | undefined {
  const command = QUICK.find((each) => each.name === name);
  if (!command) return undefined;
  const words: string[] = [];
  const options: Record<string, string | true> = {};
  for (let i = 0; i < typed.length; i++) {
    const word = typed[i] ?? '';
    const value = typed[i + 1];
    const takesValue = command.options.some(([flags]) => flags.startsWith(`${word} <`));
    if (!word.startsWith('-')) words.push(word);
    else if (command.options.some(([flags]) => flags === word)) options[word.slice(2)] = true;
    else if (takesValue && value !== undefined && !value.startsWith('-')) {
      options[word.slice(2)] = value;
      i++;
    } else return undefined;
  }
  const isEnough = command.argument.startsWith('[') || words.length > 0;
  return isEnough ? { command, words, options } : undefined;
}

/** Runs it in the process: words out, an exit code. */
export async function runQuickly({ command, words, options }: QuickCall): Promise<void> {
  const io = processIo();
  try {
    process.exitCode = await command.run(words, options, io);
  } catch (thrown) {
    const { endingOf } = await import('../kit/errors.ts');
    const ending = endingOf(thrown);
    io.err(ending.text);
    process.exitCode = ending.code;
  }
}
