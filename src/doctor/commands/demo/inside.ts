// The program that runs one part of the demonstration in its own network namespace and prints it on standard output.
import { PortreeveError } from '../../../base/errors.ts';
import { enterOwnNetwork } from '../../../host/linux/own-network.ts';
import { endingOf } from '../../../kit/errors.ts';
import { processIo } from '../../../kit/process-io.ts';
import { collide, type PartOptions, reservePort } from './collision.ts';

export interface DemoTask extends PartOptions {
  readonly part: 'collide' | 'reserve';
}

async function run(json: string | undefined): Promise<boolean> {
  if (json === undefined) throw new PortreeveError('DEMO_TASK', 'the program was started without a task');
  const { part, ...options }: DemoTask = JSON.parse(json);
  const io = { ...processIo(async () => []), columns: options.columns ?? undefined };
  return part === 'collide' ? await collide(io) : await reservePort(options, io);
}

if (import.meta.main) {
  const [, , task, starter] = process.argv;
  try {
    enterOwnNetwork(starter);
    process.exitCode = (await run(task)) ? 0 : 1;
  } catch (thrown) {
    const { text, code } = endingOf(thrown);
    process.stderr.write(text);
    process.exitCode = code;
  }
}
