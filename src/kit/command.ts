// The declaration of a command, from which its help, completion, man page, and option types are derived.
import type { Io } from './io.ts';

/** What the shell completes, where there are no `choices`. */
type Completion = 'file' | 'directory';

/** A positional argument. Its key is its name in the help. */
export interface Argument {
  readonly help: string;
  readonly optional?: true;
  /** Takes all remaining words; only for the last argument. */
  readonly repeatable?: true;
  readonly choices?: readonly string[];
  readonly completion?: Completion;
}

/** An option. Its key is its name: `dryRun` is typed as `--dry-run`. */
export interface Option {
  /** The placeholder of its value in the help. An option without one is a boolean flag. */
  readonly value?: string;
  /** A phrase without a period. */
  readonly help: string;
  /** Further sentences for the man page, in Markdown. */
  readonly detail?: string;
  /** The value if the option is absent. */
  readonly default?: string;
  /** A description of the default, where it is not a fixed value. */
  readonly defaultText?: string;
  readonly required?: true;
  readonly repeatable?: true;
  /** Omitted from help, completion, and man page. */
  readonly hidden?: true;
  readonly choices?: readonly string[];
  readonly completion?: Completion;
  /** The keys of the options that it cannot be combined with. */
  readonly excludes?: readonly string[];
}

export type Arguments = Readonly<Record<string, Argument>>;
export type Options = Readonly<Record<string, Option>>;

type Word<D> = D extends { choices: readonly (infer Choice)[] } ? Choice : string;

/** The arguments on a command line, by name. */
export type ArgumentsOf<A extends Arguments> = string extends keyof A
  ? Readonly<Record<string, string | readonly string[] | undefined>>
  : {
      readonly [Key in keyof A]: A[Key] extends { repeatable: true }
        ? readonly Word<A[Key]>[]
        : Word<A[Key]> | (A[Key] extends { optional: true } ? undefined : never);
    };

type OptionValue<O> = O extends { value: string }
  ? O extends { repeatable: true }
    ? readonly Word<O>[]
    : Word<O>
  : boolean;

type AlwaysThere = { required: true } | { default: string };

/** The options on a command line, by key. */
export type OptionsOf<O extends Options> = string extends keyof O
  ? Readonly<Record<string, string | boolean | readonly string[]>>
  : { readonly [Key in keyof O as O[Key] extends AlwaysThere ? Key : never]: OptionValue<O[Key]> } & {
      readonly [Key in keyof O as O[Key] extends AlwaysThere ? never : Key]?: OptionValue<O[Key]>;
    };

/** What a command may need in addition to its own arguments. */
export interface CommandLine {
  /** Every word after "portreeve". */
  readonly typed: readonly string[];
  /** Every command of the program. */
  readonly commands: readonly Command[];
}

/** A command; one without `run` only groups subcommands. `A` and `O` are its arguments and options. */
export interface Command<A extends Arguments = Arguments, O extends Options = Options> {
  /** The words after "portreeve" that select it; empty for the program itself. */
  readonly path: readonly string[];
  readonly summary: string;
  readonly arguments?: A;
  readonly options?: O;
  /** Replaces the usage line that is derived from the arguments and options. */
  readonly usage?: string;
  /** Paragraphs of at most 80 columns that follow the options. The exit status comes last. */
  readonly help?: string;
  readonly examples: readonly string[];
  /**
   * Resolves to the exit code. The implementation is imported only here, so that listing commands is fast. It is a
   * method, not a property, so that commands with different options fit into one list.
   */
  run?(words: ArgumentsOf<A>, options: OptionsOf<O>, io: Io, line: CommandLine): number | Promise<number>;
}

/** Declares a command; the parameter types of `run` are inferred from its arguments and options. */
export function command<
  const A extends Arguments = Record<never, Argument>,
  const O extends Options = Record<never, Option>,
>(declared: Command<A, O>): Command<A, O> {
  return declared;
}

/** The flag of the option with that key: "--dry-run". */
export function flagOf(key: string): string {
  return `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** "list" of "portreeve portmap list" */
export function nameOf({ path }: Pick<Command, 'path'>): string {
  return path.at(-1) ?? 'portreeve';
}

/** "portreeve portmap list" */
export function fullName({ path }: Pick<Command, 'path'>): string {
  return ['portreeve', ...path].join(' ');
}

/** The direct subcommands of a command, in the order of the list. */
export function commandsBelow(parent: Command, commands: readonly Command[]): Command[] {
  return commands.filter(
    ({ path }) =>
      path.length === parent.path.length + 1 && parent.path.every((word, index) => path[index] === word),
  );
}

/** Values by the names of the command's arguments, in order. */
export function namedWords<Words>(
  { arguments: declared = {} }: Command,
  words: readonly Words[],
): Record<string, Words | undefined> {
  return Object.fromEntries(Object.keys(declared).map((name, index) => [name, words[index]]));
}

/** An option as users see it. */
export interface VisibleOption extends Option {
  /** "-h" and "--help" */
  readonly flags: readonly string[];
}

/** The options of a command that are not hidden, including those that every command has. */
export function visibleOptions({ path, options = {} }: Command): VisibleOption[] {
  const declared = Object.entries(options)
    .filter(([, { hidden }]) => !hidden)
    .map(([key, option]) => ({ ...option, flags: [flagOf(key)] }));
  return [...(path.length === 0 ? [VERSION_OPTION] : []), ...declared, HELP_OPTION];
}

export const HELP_OPTION: VisibleOption = {
  flags: ['-h', '--help'],
  help: 'display help for command',
};

export const VERSION_OPTION: VisibleOption = {
  flags: ['-V', '--version'],
  help: 'output the version number',
};

/** The help of an option, including its default. */
export function optionHelp({ help, defaultText }: Option): string {
  return defaultText === undefined ? help : `${help} (default: ${defaultText})`;
}
