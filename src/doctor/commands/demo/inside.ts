// What the demonstration runs in its own network namespace: one act of it, told on standard output.
import { PortreeveError } from '../../../base/errors.ts';
import { enterOwnNetwork } from '../../../host/linux/own-network.ts';
import { endingOf } from '../../../kit/errors.ts';
import { processIo } from '../../../kit/process-io.ts';
import { type Act, cure, mystery } from './collision.ts';

/** Which act, and how it is played. */
export interface Play extends Act {
  readonly act: 'mystery' | 'cure';
}

async function play(task: string | undefined): Promise<boolean> {
  if (task === undefined) throw new PortreeveError('DEMO_TASK', 'the program was not told what to do');
  const { act, ...how }: Play = JSON.parse(task);
  const io = { ...processIo(async () => []), columns: how.columns ?? undefined };
  return act === 'mystery' ? await mystery(io) : await cure(how, io);
}

if (import.meta.main) {
  const [, , task, starter] = process.argv;
  try {
    enterOwnNetwork(starter);
    process.exitCode = (await play(task)) ? 0 : 1;
  } catch (thrown) {
    const { text, code } = endingOf(thrown);
    process.stderr.write(text);
    process.exitCode = code;
  }
}
