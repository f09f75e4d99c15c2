// SAF resnames: what stands behind SAF in a profile, and last in EZB.PORTACCESS.sysname.tcpname.resname.

/** The longest resname. */
const RESNAME_MAX_CHARACTERS = 8;

const FIRST = /^[A-Z$@#]/;
const CHARACTERS = /^[A-Z0-9$@#-]+$/;

/** Why a word, in capitals, is no resname; undefined if it is one. */
export function resnameProblem(word: string): string | undefined {
  if (word === '0') return 'it is a single 0, which cannot be a resname';
  if (word === '' || word.length > RESNAME_MAX_CHARACTERS) {
    return `it has ${word.length} characters, and a resname has 1 to ${RESNAME_MAX_CHARACTERS}`;
  }
  if (!CHARACTERS.test(word)) return 'a resname has only the characters A-Z 0-9 $ @ # -';
  if (!FIRST.test(word)) return 'a resname begins with one of the characters A-Z $ @ #';
  return undefined;
}
