// The names in RACF commands: profiles of general resources, with their generic characters, and users and groups.

/** The longest name that a class of RACF can have for its profiles (ICHERCDE: MAXLNTH). */
const PROFILE_MAX_CHARACTERS = 246;
/** The longest name of a user or a group; Linux has 256 with the null behind it (LOGIN_NAME_MAX, limits.h). */
const ID_MAX_CHARACTERS = 255;

const QUALIFIER = /^[A-Z0-9@#$%*-]+$/;
/** What names of users and groups may have on Linux; RACF has up to 8 of A-Z 0-9 @ # $. */
const ID = /^[A-Z0-9@#$_.+\\-]+$/;

/**
 * Why a word, in capitals, cannot name a profile; undefined if it can. The rules of generic names are those of general
 * resources: RACF Command Language Reference, "Profile names for general resources".
 */
export function profileNameProblem(name: string): string | undefined {
  if (name.length > PROFILE_MAX_CHARACTERS) {
    return `it has ${name.length} characters, and the name of a profile has at most ${PROFILE_MAX_CHARACTERS}`;
  }
  if (name.includes('&')) return 'RACF variables (&) are not supported';
  const qualifiers = name.split('.');
  if (qualifiers.includes('')) return 'there is nothing in front of a point, between two, or behind one';
  if (!qualifiers.every((qualifier) => QUALIFIER.test(qualifier))) {
    return 'a qualifier has only the characters A-Z 0-9 @ # $ - and the generic characters % and *';
  }
  // "Specify a double asterisk once in a profile name": as all of it, or as one of its qualifiers.
  if (qualifiers.filter((qualifier) => qualifier === '**').length > 1) return '** can stand in it only once';
  for (const qualifier of qualifiers) {
    if (qualifier !== '**' && qualifier.slice(0, -1).includes('*')) {
      return `in ${qualifier} the * is not the last character, and ** is a qualifier of its own`;
    }
  }
  return undefined;
}

/** Why a word, in capitals, cannot name a user or a group; undefined if it can. */
export function idProblem(id: string): string | undefined {
  if (id.length > ID_MAX_CHARACTERS) {
    return `it has ${id.length} characters, and the name of a user or a group has at most ${ID_MAX_CHARACTERS}`;
  }
  return ID.test(id)
    ? undefined
    : 'the name of a user or a group has only the characters A-Z 0-9 @ # $ _ . + - \\';
}
