// Parses /etc/subuid (subuid(5)): the uids that users may map in user namespaces.
import { UID_MAX } from '../base/limits.ts';
import { parseDecimal } from '../base/port.ts';

interface SubordinateRange {
  /** A user name, or a uid in decimal. */
  readonly owner: string;
  readonly first: number;
  readonly last: number;
}

/** Invalid lines are skipped, as newuidmap(1) does. */
export function parseSubuid(text: string): SubordinateRange[] {
  return text.split('\n').flatMap((line) => {
    const [owner, firstText, countText, ...more] = line.trim().split(':');
    const first = parseDecimal(firstText ?? '', UID_MAX);
    const count = parseDecimal(countText ?? '', UID_MAX);
    if (!owner || owner.startsWith('#') || !first || !count || more.length > 0) return [];
    return [{ owner, first, last: Math.min(first + count - 1, UID_MAX) }];
  });
}
