// The program: lists every command and runs a command line. The implementation of a command is loaded when it runs.
import { DOCTOR } from '../doctor/commands/index.ts';
import { GUARD } from '../guard/commands/index.ts';
import { WRITE_BY_OTHERS } from '../host/linux/trusted-directory.ts';
import type { Command } from '../kit/command.ts';
import { endingOf, requestsJson } from '../kit/errors.ts';
import type { Io } from '../kit/io.ts';
import { processIo } from '../kit/process-io.ts';
import { LEASE } from '../lease/commands/index.ts';
import { NAMES } from '../names/commands/index.ts';
import { PORTMAP } from '../portmap/commands/index.ts';
import { PROFILE } from '../profile/commands/index.ts';
import { socketCommands } from '../sockets/commands/index.ts';
import { commandTree } from './command-tree.ts';
import { DAEMON, SETUP } from './commands.ts';
import { sources } from './port-sources.ts';
import { packageVersion } from './version.ts';

/** In the order in which the help lists them. */
export const COMMANDS: readonly Command[] = [
  ...DAEMON,
  ...PORTMAP,
  ...PROFILE,
  ...GUARD,
  ...socketCommands(sources),
  ...NAMES,
  ...LEASE,
  ...DOCTOR,
  ...SETUP,
];

/** Runs a command line; returns its exit code. `onRun` receives the command after it has run. */
export async function run(
  typed: readonly string[],
  io: Io,
  commands: readonly Command[] = COMMANDS,
  onRun: (command: Command) => void = () => undefined,
): Promise<number> {
  let code = 0;
  const program = commandTree({
    commands,
    io,
    version: packageVersion(),
    call: async (command, words, options) => {
      code = (await command.run?.(words, options, io, { typed, commands })) ?? 0;
      onRun(command);
    },
  });
  try {
    await program.parseAsync(typed, { from: 'user' });
    return code;
  } catch (thrown) {
    const ending = endingOf(thrown, requestsJson(typed));
    io.err(ending.text);
    return ending.code;
  }
}

/** Runs the command line of this process; returns the words that name the command that has run, if one has. */
export async function main(): Promise<readonly string[]> {
  // Directories and sockets have the mode of the umask until they get their own: no other user may write to them.
  process.umask(process.umask(WRITE_BY_OTHERS) | WRITE_BY_OTHERS);
  const io = processIo(async () => (await import('./sections.ts')).SECTIONS);
  let words: readonly string[] = [];
  process.exitCode = await run(process.argv.slice(2), io, COMMANDS, (command) => {
    words = command.path;
  });
  return words;
}
