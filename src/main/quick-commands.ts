// The quick way to the commands that are to be quick: where nothing unusual was typed it is read here.
import { EXPLAIN } from '../doctor/commands/explain-command.ts';
import { type Command, flagOf, namedWords } from '../kit/command.ts';
import { processIo } from '../kit/process-io.ts';
import { socketCommands } from '../sockets/commands/index.ts';
import { sources } from './port-sources.ts';

/** Each takes any number of ports, in its only argument. */
export const QUICK: readonly Command[] = [...socketCommands(sources), EXPLAIN];

/** What was typed, read. */
interface QuickCall {
  readonly command: Command;
  readonly typed: readonly string[];
  readonly words: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly options: Readonly<Record<string, string | true>>;
}

/**
 * Reads a command line that is one of these commands, its options as they are declared, and words. Undefined for
 * everything else, be it right or wrong: that is read by commander, which takes longer to load than this to run.
 */
export function quickCall(typed: readonly string[]): QuickCall | undefined {
  const [name = '', ...rest] = typed;
  const command = QUICK.find(({ path }) => path[0] === name);
  if (!command) return undefined;
  const declared = Object.entries(command.options ?? {});
  const plain: string[] = [];
  const options: Record<string, string | true> = {};
  for (let i = 0; i < rest.length; i++) {
    const word = rest[i] ?? '';
    if (!word.startsWith('-')) {
      plain.push(word);
      continue;
    }
    const [key, option] = declared.find(([each]) => flagOf(each) === word) ?? [];
    const value = option?.value === undefined ? true : rest[++i];
    if (key === undefined || value === undefined || (value !== true && value.startsWith('-')))
      return undefined;
    options[key] = value;
  }
  const [argument] = Object.values(command.arguments ?? {});
  const isEnough = argument?.optional || plain.length > 0;
  return isEnough ? { command, typed, words: namedWords(command, [plain]), options } : undefined;
}

/** Runs it in the process: words out, an exit code. */
export async function runQuickly({ command, typed, words, options }: QuickCall): Promise<void> {
  const io = processIo(async () => (await import('./sections.ts')).SECTIONS);
  try {
    process.exitCode = (await command.run?.(words, options, io, { typed, commands: QUICK })) ?? 0;
  } catch (thrown) {
    const { asksForJson, endingOf } = await import('../kit/errors.ts');
    const ending = endingOf(thrown, asksForJson(typed));
    io.err(ending.text);
    process.exitCode = ending.code;
  }
}
