// The command line in the process: arguments in, words out, an exit code.
import { processIo } from '../kit/process-io.ts';
import { run } from './program.ts';

const sections = async () => (await import('./sections.ts')).SECTIONS;

export async function main(): Promise<void> {
  process.exitCode = await run(process.argv.slice(2), processIo(sections));
}
