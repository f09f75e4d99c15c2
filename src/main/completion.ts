// `portreeve completion`: a script that completes commands and options, made from the commands themselves.
import type { Command, Option } from 'commander';
import { fullName } from '../kit/command.ts';
import type { Io } from '../kit/io.ts';
import {
  bashCompletion,
  type CompletionCommand,
  type CompletionOption,
  type CompletionValue,
  fishCompletion,
  zshCompletion,
} from './completion-scripts.ts';

const SCRIPTS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const;

export function completionCommand(shell: keyof typeof SCRIPTS, program: Command, io: Io): number {
  io.out(SCRIPTS[shell](completionsOf(program)));
  return 0;
}

/** A command and all commands in it. */
export function completionsOf(command: Command): CompletionCommand[] {
  const help = command.createHelp();
  const choices = command.registeredArguments.flatMap((argument) =>
    (argument.argChoices ?? []).map((word) => ({ word, description: argument.description })),
  );
  const commands = help
    .visibleCommands(command)
    .map((each) => ({ word: each.name(), description: each.description() }));
  const completion: CompletionCommand = {
    name: fullName(command),
    words: [...commands, ...choices],
    options: help.visibleOptions(command).map(completionOption),
    takesFiles: command.registeredArguments.some((argument) => VALUES[argument.name()] === 'file'),
  };
  return [completion, ...command.commands.flatMap(completionsOf)];
}

function completionOption(option: Option): CompletionOption {
  const flags = [option.short, option.long].filter((flag) => flag !== undefined);
  const placeholder = /<(.*)>/.exec(option.flags)?.[1];
  const value = placeholder === undefined ? 'none' : (VALUES[placeholder] ?? 'other');
  return { flags, description: option.description, value };
}

/** What stands for files and directories in the declarations of commands. */
const VALUES: Readonly<Record<string, CompletionValue>> = { file: 'file', path: 'file', dir: 'directory' };
