// zod and the value schemas with which features declare their sections of portreeve.toml.
import { z } from 'zod';
import { hasWildcard, jobPatternProblem } from '../base/job.ts';
import { PORT_MAX, PORT_MIN } from '../base/port.ts';

export { z } from 'zod';

const PORT_TEXT = `a number from ${PORT_MIN} to ${PORT_MAX}`;
const PATH_TEXT = 'an absolute path';

export const PORT = z.int(PORT_TEXT).min(PORT_MIN, PORT_TEXT).max(PORT_MAX, PORT_TEXT);
export const PATH = z.string(PATH_TEXT).regex(/^\/[^\0]*$/, PATH_TEXT);

/** Whether a text is an uppercase job name or a pattern of such names. */
export function isJobPattern(text: string): boolean {
  return jobPatternProblem(text, false) === undefined;
}

/** Whether a text is one uppercase job name. */
export function isJob(text: string): boolean {
  return isJobPattern(text) && !hasWildcard(text);
}
