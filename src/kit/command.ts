// How a command is declared, and how its mistakes in usage are told.
import type { Command } from 'commander';
import { usageError } from './errors.ts';
import type { Io } from './io.ts';

/** What the commands are declared with. */
export interface Surroundings {
  readonly io: Io;
  /** Is told the exit code of the command that was run. */
  readonly end: (code: number) => void;
}

/** A command in a command. */
export function addCommand(parent: Command, name: string): Command {
  return reportUsage(parent.command(name));
}

/** Throws usage mistakes where commander would end the process. */
export function reportUsage(command: Command): Command {
  return command.exitOverride((error) => {
    throw usageError(error, fullName(command));
  });
}

/** A command's name with those that it is in: "portreeve portmap list". */
export function fullName(command: Command): string {
  return command.parent ? `${fullName(command.parent)} ${command.name()}` : command.name();
}

/** The values of an option that may be repeated. */
export function collect(value: string, previous: readonly string[] = []): string[] {
  return [...previous, value];
}
