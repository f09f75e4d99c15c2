// The program: every command, and how a command line is run. What a command does is loaded when it is given.
import { DOCTOR } from '../doctor/commands/index.ts';
import { GUARD } from '../guard/commands/index.ts';
import type { Command } from '../kit/command.ts';
import { asksForJson, endingOf } from '../kit/errors.ts';
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

/** Runs a command line and gives its exit code. */
export async function run(
  typed: readonly string[],
  io: Io,
  commands: readonly Command[] = COMMANDS,
): Promise<number> {
  let code = 0;
  const end = (result: number) => {
    code = result;
  };
  const program = commandTree({ commands, typed, io, version: packageVersion(), end });
  try {
    await program.parseAsync(typed, { from: 'user' });
    return code;
  } catch (thrown) {
    const ending = endingOf(thrown, asksForJson(typed));
    io.err(ending.text);
    return ending.code;
  }
}

/** Runs the command line of this process. */
export async function main(): Promise<void> {
  const io = processIo(async () => (await import('./sections.ts')).SECTIONS);
  process.exitCode = await run(process.argv.slice(2), io);
}
