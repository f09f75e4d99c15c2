// Finds the known word that a mistyped word was most likely meant to be.

/** The maximum distance of a suggestion, as a share of the word's length. */
const FAR = 0.5;

/** The Levenshtein distance. */
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

/** Finds the nearest known word at any distance. Returns undefined if `known` is empty. */
export function closest(word: string, known: readonly string[]): string | undefined {
  return known.toSorted((a, b) => distance(word, a) - distance(word, b))[0];
}

/** Longer words are not compared. */
const WORD_MAX_CHARACTERS = 64;

/** Finds the nearest known word. Returns undefined if no word is near enough. */
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
