// Whose place a connection takes: that of root, of the group of administrators, or of the user behind a uid.

import { SUBUID_MAX_BYTES, UID_MAX } from '../../base/limits.ts';
import { parseDecimal } from '../../base/port.ts';
import type { Files } from '../../host/host.ts';
import { readText, stampOf } from '../../host/linux/files.ts';
import type { PeerCredentials } from '../../host/linux/peer-credentials.ts';
import type { Share } from '../../kit/shares.ts';
import { parseSubuid } from '../../text/subuid.ts';
import { portreeveGid, readUsers } from '../app/users.ts';

const SUBUID = '/etc/subuid';
const READ = ['/etc/passwd', '/etc/group', SUBUID] as const;

/** Uids that count as one user. */
interface Range {
  readonly first: number;
  readonly last: number;
  readonly user: string;
}

/** What the files of the host say of users. */
interface Known {
  readonly stamps: string;
  readonly gid: number | undefined;
  readonly ranges: readonly Range[];
}

/** Finds the share of a peer. */
export class PeerShares {
  readonly #files: Pick<Files, 'readText' | 'stamp'>;
  readonly #ownUid: number;
  #known: Known = { stamps: '', gid: undefined, ranges: [] };

  /** `ownUid`: the uid of the daemon, whose user is its administrator. */
  constructor(
    files: Pick<Files, 'readText' | 'stamp'> = { readText, stamp: stampOf },
    ownUid: number = process.geteuid?.() ?? 0,
  ) {
    this.#files = files;
    this.#ownUid = ownUid;
  }

  /**
   * A user can map the 65536 uids that /etc/subuid grants into a namespace and connect with each of them: they count
   * as that user. A range of root, from which containers are given their uids, counts as one user who is not root.
   */
  readonly of = ({ uid, gids }: Pick<PeerCredentials, 'uid' | 'gids'>): Share => {
    if (uid === 0 || uid === this.#ownUid) return { party: 'root', user: 'root' };
    const { gid, ranges } = this.#look();
    const user = ranges.find(({ first, last }) => uid >= first && uid <= last)?.user ?? `${uid}`;
    return { party: gid !== undefined && gids.includes(gid) ? 'group' : 'users', user };
  };

  /** Reads the files again where one has changed; what cannot be read leaves what was known. */
  #look(): Known {
    try {
      const stamps = READ.map((path) => this.#files.stamp(path) ?? '').join(' ');
      if (stamps !== this.#known.stamps) this.#known = { ...this.#read(), stamps };
    } catch {
      // Each uid then counts by itself, as it does on a host without these files.
    }
    return this.#known;
  }

  #read(): Omit<Known, 'stamps'> {
    const { accounts } = readUsers(this.#files);
    const uids = new Map(accounts.map(({ name, uid }) => [name, uid]));
    const ranges = parseSubuid(this.#files.readText(SUBUID, SUBUID_MAX_BYTES) ?? '');
    return {
      gid: portreeveGid(this.#files),
      ranges: ranges.map(({ owner, first, last }) => {
        const uid = uids.get(owner) ?? parseDecimal(owner, UID_MAX);
        return { first, last, user: uid ? `${uid}` : `${first}-${last}` };
      }),
    };
  }
}
