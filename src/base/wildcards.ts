// Matches text against patterns with asterisks, without recursion. Used for job names and glob(7).

/**
 * Whether a pattern matches a text. `*` matches any characters. Every other item matches one character, as `matchesOne`
 * decides.
 */
export function matchesWildcards(
  pattern: ArrayLike<string>,
  text: string,
  matchesOne: (item: string, character: string) => boolean,
): boolean {
  // The last asterisk matches as few characters as possible. On a mismatch it takes one more.
  let at = 0;
  let asterisk = -1;
  let resumeAt = 0;
  for (let next = 0; next < text.length; ) {
    const item = pattern[at];
    if (item === '*') {
      asterisk = at++;
      resumeAt = next;
    } else if (item !== undefined && matchesOne(item, text[next] ?? '')) {
      at++;
      next++;
    } else if (asterisk >= 0) {
      at = asterisk + 1;
      next = ++resumeAt;
    } else {
      return false;
    }
  }
  while (pattern[at] === '*') at++;
  return at === pattern.length;
}
