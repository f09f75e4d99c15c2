// Validates SAF resnames: the operand of SAF, and the last qualifier of EZB.PORTACCESS.sysname.tcpname.resname.

const RESNAME_MAX_CHARACTERS = 8;

const FIRST = /^[A-Z$@#]/;
const CHARACTERS = /^[A-Z0-9$@#-]+$/;

/** Why a word, in upper case, is not a valid resname; undefined if it is. */
export function resnameProblem(word: string): string | undefined {
  if (word === '0') return 'a single 0 cannot be a resname';
  if (word === '' || word.length > RESNAME_MAX_CHARACTERS) {
    return `it has ${word.length} characters, and a resname has 1 to ${RESNAME_MAX_CHARACTERS}`;
  }
  if (!CHARACTERS.test(word)) return 'a resname consists of the characters A-Z 0-9 $ @ # -';
  if (!FIRST.test(word)) return 'a resname begins with one of the characters A-Z $ @ #';
  return undefined;
}
