// Matches RACF profile names, generic ones included, with a resource, and finds the most specific profile.

interface Named {
  /** In upper case, with generic characters. */
  readonly name: string;
}

/** A resource name by its qualifiers; undefined stands for any qualifier. */
type Qualifiers = readonly (string | undefined)[];

/**
 * Whether a profile covers a resource. The rules of generic names for general resources (RACF Command Language
 * Reference, "Profile names for general resources").
 */
export function covers(profile: string, resource: Qualifiers): boolean {
  const patterns = profile.split('.');
  const matches = (p: number, r: number): boolean => {
    const pattern = patterns[p];
    if (pattern === undefined) return r === resource.length;
    // "to match zero or more qualifiers in a resource name"
    if (pattern === '**') return matches(p + 1, r) || (r < resource.length && matches(p, r + 1));
    if (r >= resource.length || !matchesQualifier(pattern, resource[r])) return false;
    // At the end of a name, * matches the rest of the resource, periods included.
    const matchesRest = p === patterns.length - 1 && pattern.endsWith('*');
    return matchesRest || matches(p + 1, r + 1);
  };
  return matches(0, 0);
}

/** % matches one character, and * at the end any number of characters. */
function matchesQualifier(pattern: string, qualifier: string | undefined): boolean {
  if (qualifier === undefined) return true;
  const isOpen = pattern.endsWith('*');
  const length = isOpen ? pattern.length - 1 : pattern.length;
  if (isOpen ? qualifier.length < length : qualifier.length !== length) return false;
  for (let at = 0; at < length; at++) {
    if (pattern[at] !== '%' && pattern[at] !== qualifier[at]) return false;
  }
  return true;
}

function isGeneric(name: string): boolean {
  return name.includes('*') || name.includes('%');
}

/** From the left, a literal is more specific than %, then *, then **, then the end of the name. */
const RANKS: Readonly<Record<string, string>> = { '%': '1', '*': '2', '**': '3' };

function rank(name: string): string {
  return `${name.replace(/\*\*|./gs, (part) => RANKS[part] ?? '0')}4`;
}

/** The profiles of a class. */
export class ProfileIndex<Profile extends Named> {
  readonly #discrete = new Map<string, Profile>();
  readonly #generic: readonly Profile[];

  constructor(profiles: Iterable<Profile>) {
    const generic: { readonly profile: Profile; readonly key: string }[] = [];
    for (const profile of profiles) {
      if (isGeneric(profile.name)) generic.push({ profile, key: `${rank(profile.name)} ${profile.name}` });
      else this.#discrete.set(profile.name, profile);
    }
    this.#generic = generic.sort((a, b) => (a.key < b.key ? -1 : 1)).map(({ profile }) => profile);
  }

  /** The profile that applies to a resource: the discrete one, otherwise the most specific generic one. */
  best(resource: string): Profile | undefined {
    const qualifiers = resource.split('.');
    return this.#discrete.get(resource) ?? this.#generic.find(({ name }) => covers(name, qualifiers));
  }
}
