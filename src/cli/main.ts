// The command line in the process: arguments in, words out, an exit code.
import type { Io } from './io.ts';
import { processIo } from './process-io.ts';
import { type QuickCall, quickCall } from './quick-commands.ts';

export async function main(): Promise<void> {
  const argv = process.argv.slice(2);
  const io = processIo();
  const call = quickCall(argv);
  process.exitCode = call ? await runQuick(call, io) : await (await import('./program.ts')).run(argv, io);
}

async function runQuick({ command, words, options }: QuickCall, io: Io): Promise<number> {
  try {
    return await command.run(words, options, io);
  } catch (thrown) {
    const { endingOf } = await import('./errors.ts');
    const ending = endingOf(thrown);
    io.err(ending.text);
    return ending.code;
  }
}
