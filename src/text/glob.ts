// Path patterns of glob(7): "*", "?" and "[a-z]". None of them matches a slash.
import { PATH_MAX_CHARACTERS } from '../base/limits.ts';
import { matchesWildcards } from '../base/wildcards.ts';

/** Whether a path matches a pattern. A pattern longer than PATH_MAX matches nothing. */
export function matchesGlob(pattern: string, path: string): boolean {
  if (Math.max(pattern.length, path.length) > PATH_MAX_CHARACTERS) return false;
  const patterns = pattern.split('/');
  const names = path.split('/');
  return (
    patterns.length === names.length &&
    patterns.every((part, at) => matchesWildcards(itemsOf(part), names[at] ?? '', matchesOne))
  );
}

/** Splits a pattern into characters and bracket expressions. An unclosed "[" is a character. */
function itemsOf(pattern: string): string[] {
  return pattern.match(/\[[!^]?\]?[^\]]*\]|\\?[\s\S]|\\$/g) ?? [];
}

function matchesOne(item: string, char: string): boolean {
  if (item === '?') return true;
  if (item.length > 1 && item.startsWith('\\')) return item[1] === char;
  if (item.length < 3) return item === char;
  const isNegated = /^\[[!^]/.test(item);
  const inside = item.slice(isNegated ? 2 : 1, -1);
  const isIn = [...inside.matchAll(/([\s\S])-([\s\S])|[\s\S]/g)].some(([one, first, last]) =>
    first !== undefined && last !== undefined ? first <= char && char <= last : one === char,
  );
  return isIn !== isNegated;
}
