// Reads command lines: makes of the commands of a list what commander goes by.
import { Argument, Command as Node, Option } from 'commander';
import {
  type Command,
  type CommandLine,
  commandsBelow,
  flagOf,
  fullName,
  HELP_OPTION,
  namedWords,
  nameOf,
  type Option as OptionRecord,
  optionHelp,
  VERSION_OPTION,
} from '../kit/command.ts';
import { usageError } from '../kit/errors.ts';
import type { Io } from '../kit/io.ts';

const HELP_COLUMNS = 80;

/** Where a command line comes from, and where its outcome goes. */
interface Surroundings extends CommandLine {
  readonly io: Io;
  readonly version: string;
  /** Receives the exit code of the command that was run. */
  readonly end: (code: number) => void;
}

/** The program, which is the command without a path, and all commands below it. */
export function commandTree(surroundings: Surroundings): Node {
  const { commands, io, version } = surroundings;
  const program = commands.find(({ path }) => path.length === 0);
  if (program === undefined) throw new Error('no command stands for the program');
  const root = new Node('portreeve')
    .version(version, VERSION_OPTION.flags.join(', '), VERSION_OPTION.help)
    .helpOption(HELP_OPTION.flags.join(', '), HELP_OPTION.help)
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
    .configureHelp({ subcommandTerm: (node) => node.name() });
  declare(root, program, surroundings);
  return root;
}

function declare(node: Node, command: Command, surroundings: Surroundings): void {
  const { summary, usage, options = {} } = command;
  node
    .description(summary)
    .addHelpText('after', helpText(command))
    // Throws usage errors where commander would end the process.
    .exitOverride((error) => {
      throw usageError(error, fullName(command));
    });
  if (usage !== undefined) node.usage(usage);
  for (const argument of argumentsOf(command)) node.addArgument(argument);
  for (const [key, option] of Object.entries(options)) node.addOption(optionOf(key, option));
  if (command.run !== undefined) node.action(() => run(command, node, surroundings));
  for (const below of commandsBelow(command, surroundings.commands)) {
    declare(node.command(nameOf(below)), below, surroundings);
  }
}

function helpText({ help, examples }: Command): string {
  const paragraphs = help === undefined ? '' : `\n${help}\n`;
  return `${paragraphs}\nExamples:\n${examples.map((line) => `  ${line}`).join('\n')}`;
}

async function run(command: Command, node: Node, { io, end, ...line }: Surroundings): Promise<void> {
  const words = namedWords(command, node.processedArgs);
  end((await command.run?.(words, node.opts(), io, line)) ?? 0);
}

function argumentsOf({ arguments: declared = {} }: Command): Argument[] {
  return Object.entries(declared).map(([name, { help, optional, repeatable, choices }]) => {
    const inner = repeatable ? `${name}...` : name;
    const argument = new Argument(optional ? `[${inner}]` : `<${inner}>`, help);
    return choices === undefined ? argument : argument.choices(choices);
  });
}

function optionOf(key: string, declared: OptionRecord): Option {
  const { value, choices, excludes = [] } = declared;
  const flags = value === undefined ? flagOf(key) : `${flagOf(key)} <${value}>`;
  const option = new Option(flags, optionHelp(declared))
    .makeOptionMandatory(declared.required ?? false)
    .hideHelp(declared.hidden ?? false)
    .default(declared.default, declared.default)
    .conflicts([...excludes]);
  if (choices !== undefined) option.choices(choices);
  if (declared.repeatable) {
    option.argParser((word: string, before: readonly string[] = []) => [...before, word]);
  }
  return option;
}
