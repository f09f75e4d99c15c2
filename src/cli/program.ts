// The command line: which program is declared for what was typed, and how it ends.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { reportUsage, type Surroundings } from './command.ts';
import { endingOf } from './errors.ts';
import type { Io } from './io.ts';
import { addExplain, addPorts, addWho } from './look-commands.ts';

const HELP_COLUMNS = 80;

/**
 * Commands that are to be quick. To declare all others as well takes longer than what these do; so if the first word of
 * what was typed is one of them, it is declared alone.
 */
const QUICK: Readonly<Record<string, (program: Command, surroundings: Surroundings) => void>> = {
  ports: addPorts,
  who: addWho,
  explain: addExplain,
};

/** Runs a command line and gives its exit code. */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  let code = 0;
  const end = (result: number) => {
    code = result;
  };
  try {
    const program = await programFor(argv[0] ?? '', { io, end });
    await program.parseAsync(argv, { from: 'user' });
    return code;
  } catch (thrown) {
    const ending = endingOf(thrown);
    io.err(ending.text);
    return ending.code;
  }
}

async function programFor(word: string, surroundings: Surroundings): Promise<Command> {
  const program = emptyProgram(surroundings);
  const quick = Object.hasOwn(QUICK, word) ? QUICK[word] : undefined;
  if (quick) quick(program, surroundings);
  else (await import('./commands.ts')).addCommands(program, surroundings);
  return program;
}

/** The program without its commands. */
export function emptyProgram({ io }: Surroundings): Command {
  const program = new Command('portreeve');
  program
    .description('The port authority of a Linux host.')
    .version(packageVersion())
    // A command that has commands and options itself tells whose an option is by where it stands.
    .enablePositionalOptions()
    .configureOutput({
      writeOut: io.out,
      writeErr: io.err,
      getOutHelpWidth: () => io.columns ?? HELP_COLUMNS,
      getErrHelpWidth: () => io.columns ?? HELP_COLUMNS,
      // Errors are written in one place, with those of every other kind.
      outputError: () => {},
    })
    // The arguments of each are in its own help.
    .configureHelp({ subcommandTerm: (command) => command.name() })
    .addHelpText('after', EXAMPLES);
  return reportUsage(program);
}

const EXAMPLES = `
Exit codes: 0 yes or done, 1 no, 2 wrong usage, 3 could not tell.

Examples:
  portreeve serve
  portreeve status
  portreeve portmap list
  portreeve portmap ping nfs.example.org mountd
  portreeve profile check profile.tcpip
  portreeve decide WEB 80/tcp`;

/** package.json lies above src/ and dist/ alike. */
function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8'));
  return version;
}
