// subuid(5): the uids that a user may take in user namespaces of his own.
import { UID_MAX } from '../base/limits.ts';
import { parseDecimal } from '../base/port.ts';

/** Uids that belong to a user beside the user's own. */
export interface SubordinateIds {
  readonly first: number;
  readonly last: number;
}

/** The ranges of a file; lines of another form are passed over. */
export function parseSubordinateIds(text: string): SubordinateIds[] {
  return text.split('\n').flatMap((line) => {
    const [, firstText = '', countText = ''] = line.split(':');
    const first = parseDecimal(firstText, UID_MAX);
    const count = parseDecimal(countText, UID_MAX);
    return first !== undefined && count ? [{ first, last: first + count - 1 }] : [];
  });
}
