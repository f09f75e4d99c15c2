// subuid(5): the uids of user namespaces that /etc/subuid grants to users.
import { UID_MAX } from '../base/limits.ts';
import { parseDecimal } from '../base/port.ts';

/** A range of uids that one user may map into namespaces. */
interface SubordinateRange {
  /** The name of the user, or the uid in decimal. */
  readonly owner: string;
  readonly first: number;
  readonly last: number;
}

/** The ranges of a file; lines that are not ranges are skipped, as newuidmap(1) does. */
export function parseSubuid(text: string): SubordinateRange[] {
  return text.split('\n').flatMap((line) => {
    const [owner, firstText, countText, ...more] = line.trim().split(':');
    const first = parseDecimal(firstText ?? '', UID_MAX);
    const count = parseDecimal(countText ?? '', UID_MAX);
    if (!owner || owner.startsWith('#') || !first || !count || more.length > 0) return [];
    return [{ owner, first, last: Math.min(first + count - 1, UID_MAX) }];
  });
}
