// The places of a socket that several users share: who gets one, and whose is given up for it.

/** For whom a place is. */
export interface Share {
  /** Parties have places of their own, so that no party takes those of another. */
  readonly party: 'root' | 'group' | 'users';
  /** Who they are counted for within the party. */
  readonly user: string;
}

/** How many places there are. */
interface ShareLimits {
  /** Places of each party. */
  readonly places: number;
  /** Places of one user; root is bounded by the places of its party only. */
  readonly perUser: number;
}

/** What became of a request for a place. `victim` loses its place to the new holder. */
type Admission<Holder> = { readonly victim: Holder | undefined } | { readonly refused: Refusal };

/** The user has too many, or all places are taken by users who have no more than this one. */
export type Refusal = 'user' | 'party';

/** The places and their holders, in the order in which they came. */
export class Shares<Holder> {
  readonly #limits: ShareLimits;
  readonly #held = new Map<Holder, Share>();

  constructor(limits: ShareLimits) {
    this.#limits = limits;
  }

  /**
   * Takes a place. Where a party has none left, the user with the most places gives up the oldest one, unless the
   * newcomer has as many: a user without a place gets one, however many the others have taken.
   */
  admit(share: Share, holder: Holder): Admission<Holder> {
    const { places, perUser } = this.#limits;
    const own = this.of(share).length;
    if (share.party !== 'root' && own >= perUser) return { refused: 'user' };
    const party = [...this.#held].filter(([, { party: other }]) => other === share.party);
    const most = party.length < places ? undefined : oldestOfMost(party);
    if (most && most.count <= own) return { refused: 'party' };
    if (most) this.#held.delete(most.oldest);
    this.#held.set(holder, share);
    return { victim: most?.oldest };
  }

  /** Gives a place back; a holder without one has none to give. */
  leave(holder: Holder): void {
    this.#held.delete(holder);
  }

  /** Whose place a holder has. */
  shareOf(holder: Holder): Share | undefined {
    return this.#held.get(holder);
  }

  /** The holders of a user, the oldest first. */
  of(share: Share): Holder[] {
    return [...this.#held].filter(([, other]) => isSame(share, other)).map(([holder]) => holder);
  }
}

function isSame(a: Share, b: Share): boolean {
  return a.party === b.party && a.user === b.user;
}

/** Of the user with the most holders the oldest one; of several such users, the one with the oldest. */
function oldestOfMost<Holder>(
  party: readonly [Holder, Share][],
): { count: number; oldest: Holder } | undefined {
  const users = Map.groupBy(party, ([, { user }]) => user);
  let most: readonly [Holder, Share][] = [];
  for (const held of users.values()) if (held.length > most.length) most = held;
  const [oldest] = most;
  return oldest && { count: most.length, oldest: oldest[0] };
}
