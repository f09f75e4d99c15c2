// Maps the peer of a connection to the user that it counts for: root, a member of the group portreeve, or another user.

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

interface Known {
  readonly stamps: string;
  readonly gid: number | undefined;
  readonly ranges: readonly Range[];
}

export class PeerShares {
  readonly #files: Pick<Files, 'readText' | 'stamp'>;
  readonly #ownUid: number;
  #known: Known = { stamps: '', gid: undefined, ranges: [] };

  /** `ownUid` is the daemon's uid, which counts as root. */
  constructor(
    files: Pick<Files, 'readText' | 'stamp'> = { readText, stamp: stampOf },
    ownUid: number = process.geteuid?.() ?? 0,
  ) {
    this.#files = files;
    this.#ownUid = ownUid;
  }

  /**
   * A user can connect with any of the subordinate uids granted in /etc/subuid, so these count as that user. A range
   * granted to root, which containers use, counts as one user other than root.
   */
  readonly of = ({ uid, gids }: Pick<PeerCredentials, 'uid' | 'gids'>): Share => {
    if (uid === 0 || uid === this.#ownUid) return { party: 'root', user: 'root' };
    const { gid, ranges } = this.#current();
    const user = ranges.find(({ first, last }) => uid >= first && uid <= last)?.user ?? `${uid}`;
    return { party: gid !== undefined && gids.includes(gid) ? 'group' : 'users', user };
  };

  /** Rereads the files if one has changed. On an error, keeps what was known. */
  #current(): Known {
    try {
      const stamps = READ.map((path) => this.#files.stamp(path) ?? '').join(' ');
      if (stamps !== this.#known.stamps) this.#known = { ...this.#read(), stamps };
    } catch {
      // Without these files, each uid counts separately.
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
