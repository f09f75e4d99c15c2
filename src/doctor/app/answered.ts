// A question that may have no answer: then it is reported what is not known, and why.
import { requireFailure } from '../../base/errors.ts';

/** The answer, or undefined and a sentence more in `unknown`. Throws on what requireFailure() throws on. */
export async function answered<T>(
  what: string,
  question: () => T | Promise<T>,
  unknown: string[],
): Promise<T | undefined> {
  try {
    return await question();
  } catch (thrown) {
    const [reason = ''] = requireFailure(thrown).message.split('\n');
    unknown.push(`${what}: ${reason.replace(/:$/, '')}`);
    return undefined;
  }
}
