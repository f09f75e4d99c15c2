// Which profile of a class covers a resource: the rules of generic names, and the most specific of those that fit.

/** A profile as it is looked up by. */
interface Named {
  /** In capitals, with generic characters. */
  readonly name: string;
}

/** A name by its qualifiers; undefined stands for any qualifier. */
type Qualifiers = readonly (string | undefined)[];

/**
 * Whether a profile covers a resource. The rules of generic names for general resources (RACF Command Language
 * Reference, "Profile names for general resources").
 */
export function covers(profile: string, resource: Qualifiers): boolean {
  const patterns = profile.split('.');
  const fits = (p: number, r: number): boolean => {
    const pattern = patterns[p];
    if (pattern === undefined) return r === resource.length;
    // "to match zero or more qualifiers in a resource name"
    if (pattern === '**') return fits(p + 1, r) || (r < resource.length && fits(p, r + 1));
    if (r >= resource.length || !fitsQualifier(pattern, resource[r])) return false;
    // At the end of a name, * goes on to the end of the resource's, over points too.
    const goesOn = p === patterns.length - 1 && pattern.endsWith('*');
    return goesOn || fits(p + 1, r + 1);
  };
  return fits(0, 0);
}

/** Whether a qualifier fits: % is any character, and * at its end any characters or none. */
function fitsQualifier(pattern: string, qualifier: string | undefined): boolean {
  if (qualifier === undefined) return true;
  const isOpen = pattern.endsWith('*');
  const length = isOpen ? pattern.length - 1 : pattern.length;
  if (isOpen ? qualifier.length < length : qualifier.length !== length) return false;
  for (let at = 0; at < length; at++) {
    if (pattern[at] !== '%' && pattern[at] !== qualifier[at]) return false;
  }
  return true;
}

/** Whether a name has generic characters. */
function isGeneric(name: string): boolean {
  return name.includes('*') || name.includes('%');
}

/** From the left, a literal is more specific than %, % than *, * than **, and ** than the end of the name. */
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

  /** The one profile that counts for a resource: the discrete one, or else the most specific that covers it. */
  best(resource: string): Profile | undefined {
    const qualifiers = resource.split('.');
    return this.#discrete.get(resource) ?? this.#generic.find(({ name }) => covers(name, qualifiers));
  }
}
