// A command is one record: its help, its completion, its manual page and the types of its options come from it.
import type { Io } from './io.ts';

/** What completes a word in a shell, where no choices do. */
type Completion = 'file' | 'directory';

/** An argument. Its key is its name in the help. */
export interface Argument {
  readonly help: string;
  readonly optional?: true;
  /** Takes all words that are left; only the last argument can. */
  readonly repeatable?: true;
  readonly choices?: readonly string[];
  readonly completion?: Completion;
}

/** An option. Its key is its name: `dryRun` is typed as `--dry-run`. */
export interface Option {
  /** What its value is called in the help. An option without a value is a switch. */
  readonly value?: string;
  /** A phrase without a period. */
  readonly help: string;
  /** Further sentences for the manual page, in Markdown. */
  readonly detail?: string;
  /** The value where none is typed. */
  readonly default?: string;
  /** What takes the place of a value where none is typed, in words. */
  readonly defaultText?: string;
  readonly required?: true;
  readonly repeatable?: true;
  /** Is in no help, completion or manual. */
  readonly hidden?: true;
  readonly choices?: readonly string[];
  readonly completion?: Completion;
  /** The keys of options with which it cannot be combined. */
  readonly excludes?: readonly string[];
}

export type Arguments = Readonly<Record<string, Argument>>;
export type Options = Readonly<Record<string, Option>>;

type Word<D> = D extends { choices: readonly (infer Choice)[] } ? Choice : string;

/** The words of a command line under the names of its arguments. */
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

/** What was typed for options, under their keys. */
export type OptionsOf<O extends Options> = string extends keyof O
  ? Readonly<Record<string, string | boolean | readonly string[]>>
  : { readonly [Key in keyof O as O[Key] extends AlwaysThere ? Key : never]: OptionValue<O[Key]> } & {
      readonly [Key in keyof O as O[Key] extends AlwaysThere ? never : Key]?: OptionValue<O[Key]>;
    };

/** What a command may need to know beside its own words. */
export interface CommandLine {
  /** All that was typed behind "portreeve". */
  readonly typed: readonly string[];
  /** Every command of the program. */
  readonly commands: readonly Command[];
}

/** A command; without `run` it only holds others. `A` and `O` are its own arguments and options. */
export interface Command<A extends Arguments = Arguments, O extends Options = Options> {
  /** The words that call it, behind "portreeve"; the program itself has none. */
  readonly path: readonly string[];
  readonly summary: string;
  readonly arguments?: A;
  readonly options?: O;
  /** Takes the place of the usage that follows from the arguments and options. */
  readonly usage?: string;
  /** Paragraphs of at most 80 columns that follow the options; the exit status comes last. */
  readonly help?: string;
  readonly examples: readonly string[];
  /**
   * Gives the exit code, and imports what does the work only now. It is a method so that commands with different
   * options fit into one list; only what its own declaration admits is passed.
   */
  run?(words: ArgumentsOf<A>, options: OptionsOf<O>, io: Io, line: CommandLine): number | Promise<number>;
}

/** Declares a command: the parameters of `run` have the types that its arguments and options say. */
export function command<
  const A extends Arguments = Record<never, Argument>,
  const O extends Options = Record<never, Option>,
>(declared: Command<A, O>): Command<A, O> {
  return declared;
}

/** What is typed for the option with that key: "--dry-run". */
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

/** The commands right below a command, in the order of the list. */
export function commandsBelow(parent: Command, commands: readonly Command[]): Command[] {
  return commands.filter(
    ({ path }) =>
      path.length === parent.path.length + 1 && parent.path.every((word, index) => path[index] === word),
  );
}

/** Words under the names of the arguments that they are. */
export function namedWords<Words>(
  { arguments: declared = {} }: Command,
  words: readonly Words[],
): Record<string, Words | undefined> {
  return Object.fromEntries(Object.keys(declared).map((name, index) => [name, words[index]]));
}

/** An option as people see it. */
export interface VisibleOption extends Option {
  /** "-h" and "--help" */
  readonly flags: readonly string[];
}

/** The options of a command that are not hidden, with those that every command has. */
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

/** The help of an option, with what holds without it. */
export function optionHelp({ help, defaultText }: Option): string {
  return defaultText === undefined ? help : `${help} (default: ${defaultText})`;
}
