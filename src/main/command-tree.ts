// Reads command lines: declares the commands of a list to commander.
import { Argument, Command as Node, Option } from 'commander';
import {
  type Arguments,
  type ArgumentsOf,
  type Command,
  type CommandLine,
  commandsBelow,
  flagOf,
  fullName,
  HELP_OPTION,
  namedWords,
  nameOf,
  type Option as OptionRecord,
  type Options,
  type OptionsOf,
  optionHelp,
  VERSION_OPTION,
} from '../kit/command.ts';
import { usageError } from '../kit/errors.ts';
import type { Io } from '../kit/io.ts';

const HELP_COLUMNS = 80;

/** The context of a command line. */
interface Surroundings extends Pick<CommandLine, 'commands'> {
  readonly io: Io;
  readonly version: string;
  /** Runs a command with its words and options. */
  readonly call: (
    command: Command,
    words: ArgumentsOf<Arguments>,
    options: OptionsOf<Options>,
  ) => Promise<void>;
}

/** The program, which is the command without a path, and all commands below it. */
export function commandTree(surroundings: Surroundings): Node {
  const { commands, io, version } = surroundings;
  const program = commands.find(({ path }) => path.length === 0);
  if (program === undefined) throw new Error('the program itself is not declared');
  const root = new Node('portreeve')
    .version(version, VERSION_OPTION.flags.join(', '), VERSION_OPTION.help)
    .helpOption(HELP_OPTION.flags.join(', '), HELP_OPTION.help)
    // Where a command has both subcommands and options, an option belongs to the command that it follows.
    .enablePositionalOptions()
    .configureOutput({
      writeOut: io.out,
      writeErr: io.err,
      getOutHelpWidth: () => io.columns ?? HELP_COLUMNS,
      getErrHelpWidth: () => io.columns ?? HELP_COLUMNS,
      // kit/errors.ts prints all errors.
      outputError: () => {},
    })
    // Each command lists its arguments in its own help.
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
  if (command.run !== undefined) {
    node.action(() => surroundings.call(command, namedWords(command, node.processedArgs), node.opts()));
  }
  declareBelow(node, command, surroundings);
}

/** Declares only the names at first: the options of all commands take longer to declare than most commands take. */
function declareBelow(node: Node, command: Command, surroundings: Surroundings): void {
  const named = new Map<Node, Command>();
  for (const below of commandsBelow(command, surroundings.commands)) {
    named.set(node.command(nameOf(below)).description(below.summary), below);
  }
  if (named.size === 0) return;
  const complete = (called: Node): void => {
    const below = named.get(called);
    named.delete(called);
    if (below) declare(called, below, surroundings);
  };
  node.hook('preSubcommand', (_, called) => complete(called));
  // "portreeve help who" prints the help of a command that is not called.
  node.addHelpText('beforeAll', (context) => {
    complete(context.command);
    return '';
  });
}

function helpText({ help, examples }: Command): string {
  const paragraphs = help === undefined ? '' : `\n${help}\n`;
  return `${paragraphs}\nExamples:\n${examples.map((line) => `  ${line}`).join('\n')}`;
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
