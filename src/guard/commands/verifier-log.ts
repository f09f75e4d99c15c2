// What the kernel's verifier says of a program that it refuses: the whole of it, for whoever asks.
import { PortreeveError } from '../../base/errors.ts';
import type { Io } from '../../kit/io.ts';

/**
 * Does something. With `isVerbose`, where a program is refused, the verifier's log is written before the error goes on.
 */
export async function withVerifierLog<T>(
  isVerbose: boolean | undefined,
  io: Pick<Io, 'err'>,
  act: () => Promise<T>,
): Promise<T> {
  try {
    return await act();
  } catch (thrown) {
    const log = thrown instanceof PortreeveError ? thrown.data['log'] : undefined;
    if (isVerbose && typeof log === 'string') io.err(log.endsWith('\n') ? log : `${log}\n`);
    throw thrown;
  }
}
