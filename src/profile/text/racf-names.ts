// Validates the names in RACF commands: profiles of general resources, which may be generic, users and groups.

/** The maximum length of profile names in a RACF class (ICHERCDE: MAXLNTH). */
const PROFILE_MAX_CHARACTERS = 246;
/** Linux permits 256 with the terminating null (LOGIN_NAME_MAX, limits.h). */
const ID_MAX_CHARACTERS = 255;

const QUALIFIER = /^[A-Z0-9@#$%*-]+$/;
/** The characters of user and group names on Linux; RACF permits up to 8 of A-Z 0-9 @ # $. */
const ID = /^[A-Z0-9@#$_.+\\-]+$/;

/**
 * Why a word, in upper case, is not a valid profile name; undefined if it is. The rules of generic names are those of
 * the RACF Command Language Reference, "Profile names for general resources".
 */
export function profileNameProblem(name: string): string | undefined {
  if (name.length > PROFILE_MAX_CHARACTERS) {
    return `it has ${name.length} characters, and the name of a profile has at most ${PROFILE_MAX_CHARACTERS}`;
  }
  if (name.includes('&')) return 'RACF variables (&) are not supported';
  const qualifiers = name.split('.');
  if (qualifiers.includes('')) return 'it has an empty qualifier';
  if (!qualifiers.every((qualifier) => QUALIFIER.test(qualifier))) {
    return 'a qualifier consists of the characters A-Z 0-9 @ # $ - and the generic characters % and *';
  }
  // "Specify a double asterisk once in a profile name": as all of it, or as one of its qualifiers.
  if (qualifiers.filter((qualifier) => qualifier === '**').length > 1) return '** can occur only once';
  for (const qualifier of qualifiers) {
    if (qualifier !== '**' && qualifier.slice(0, -1).includes('*')) {
      return `in ${qualifier}, * must be the last character, and ** a whole qualifier`;
    }
  }
  return undefined;
}

/** Why a word, in upper case, is not a valid user or group name; undefined if it is. */
export function idProblem(id: string): string | undefined {
  if (id.length > ID_MAX_CHARACTERS) {
    return `it has ${id.length} characters, and the name of a user or a group has at most ${ID_MAX_CHARACTERS}`;
  }
  return ID.test(id)
    ? undefined
    : 'the name of a user or a group consists of the characters A-Z 0-9 @ # $ _ . + - \\';
}
