// `portreeve completion`: prints a completion script, which is generated from the declared commands.
import {
  type Command,
  commandsBelow,
  fullName,
  HELP_OPTION,
  nameOf,
  type VisibleOption,
  visibleOptions,
} from '../kit/command.ts';
import type { Io } from '../kit/io.ts';
import {
  bashCompletion,
  type CompletionCommand,
  type CompletionOption,
  type CompletionWord,
  fishCompletion,
  zshCompletion,
} from './completion-scripts.ts';

const SCRIPTS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const;

export function completionCommand(shell: keyof typeof SCRIPTS, commands: readonly Command[], io: Io): number {
  io.out(SCRIPTS[shell](commands.map((command) => completionOf(command, commands))));
  return 0;
}

/** The subcommand that commander adds to a group. */
const HELP: CompletionWord = { word: 'help', description: HELP_OPTION.help };

function completionOf(command: Command, commands: readonly Command[]): CompletionCommand {
  const words = Object.values(command.arguments ?? {});
  const below = commandsBelow(command, commands);
  return {
    name: fullName(command),
    words: [
      ...below.map((each) => ({ word: nameOf(each), description: each.summary })),
      ...(command.run === undefined ? [HELP] : []),
      ...words.flatMap(({ choices = [], help }) => choices.map((word) => ({ word, description: help }))),
    ],
    options: visibleOptions(command).map(completionOfOption),
    takesFiles: words.some(({ completion }) => completion === 'file'),
  };
}

function completionOfOption({ flags, help, value, ...option }: VisibleOption): CompletionOption {
  const known = option.choices ?? option.completion ?? 'other';
  return { flags, description: help, value: value === undefined ? 'none' : known };
}
