// Divides a limited number of places (connections) among users, so that no user can take all of them.

/** The user that a place counts for. */
export interface Share {
  /** Each party has its own places, so that no party takes those of another. */
  readonly party: 'root' | 'group' | 'users';
  /** The user within the party. */
  readonly user: string;
}

interface ShareLimits {
  /** Places of each party. */
  readonly places: number;
  /** Places of one user; root is limited only by the places of its party. */
  readonly perUser: number;
}

/** The result of a request for a place. `victim` loses its place to the new holder. */
type Admission<Holder> = { readonly victim: Holder | undefined } | { readonly refused: Refusal };

/** `user`: the user has too many. `party`: all places are taken by users who have no more than this one. */
export type Refusal = 'user' | 'party';

/** The places and their holders, in order of arrival. */
export class Shares<Holder> {
  readonly #limits: ShareLimits;
  readonly #held = new Map<Holder, Share>();

  constructor(limits: ShareLimits) {
    this.#limits = limits;
  }

  /**
   * Takes a place. If the party has none left, the user with the most places loses the oldest one, unless the
   * newcomer has as many. A user without a place therefore always gets one.
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

  /** Gives a place back, if the holder has one. */
  leave(holder: Holder): void {
    this.#held.delete(holder);
  }

  shareOf(holder: Holder): Share | undefined {
    return this.#held.get(holder);
  }

  /** The holders of a user, oldest first. */
  of(share: Share): Holder[] {
    return [...this.#held].filter(([, other]) => isSame(share, other)).map(([holder]) => holder);
  }
}

function isSame(a: Share, b: Share): boolean {
  return a.party === b.party && a.user === b.user;
}

/** The oldest holder of the user with the most holders; of several such users, the one with the oldest holder. */
function oldestOfMost<Holder>(
  party: readonly [Holder, Share][],
): { count: number; oldest: Holder } | undefined {
  const users = Map.groupBy(party, ([, { user }]) => user);
  let most: readonly [Holder, Share][] = [];
  for (const held of users.values()) if (held.length > most.length) most = held;
  const [oldest] = most;
  return oldest && { count: most.length, oldest: oldest[0] };
}
