// Matches a text against a pattern with asterisks, without a stack: for the names of jobs and for glob(7).

/**
 * Whether a pattern, in which `*` stands for any characters, matches a text; `matchesOne` judges its other items, each
 * of which stands for one character.
 */
export function matchesWildcards(
  pattern: ArrayLike<string>,
  text: string,
  matchesOne: (item: string, character: string) => boolean,
): boolean {
  // The latest asterisk takes as little as it can; where that fails it takes one character more.
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
