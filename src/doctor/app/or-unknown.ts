// Runs a query that may fail, and records the failure as unknown instead of failing the command.
import { requireFailure } from '../../base/errors.ts';

/** Returns undefined on failure and appends a sentence to `unknown`. Throws what requireFailure() throws. */
export async function orUnknown<T>(
  what: string,
  query: () => T | Promise<T>,
  unknown: string[],
): Promise<T | undefined> {
  try {
    return await query();
  } catch (thrown) {
    const [reason = ''] = requireFailure(thrown).message.split('\n');
    unknown.push(`${what}: ${reason.replace(/:$/, '')}`);
    return undefined;
  }
}
