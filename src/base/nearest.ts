// Which of the known words somebody meant who mistyped one.

/** A word that is further away than this share of its letters is another word. */
const FAR = 0.5;

/** How many letters have to be changed, put in or left out to make one word of another (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** The known word that is nearest to a mistyped one, however far that is; undefined only where none is known. */
export function closest(word: string, known: readonly string[]): string | undefined {
  return known.toSorted((a, b) => distance(word, a) - distance(word, b))[0];
}

/** The longest word that is compared: nobody means a known one by more. */
const WORD_MAX_CHARACTERS = 64;

/** The known word that is nearest to a mistyped one; undefined where none is near. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  if (word.length > WORD_MAX_CHARACTERS) return undefined;
  let best: string | undefined;
  let least = Math.ceil(word.length * FAR);
  for (const candidate of known) {
    const letters = distance(word, candidate);
    if (letters >= least) continue;
    best = candidate;
    least = letters;
  }
  return best;
}
