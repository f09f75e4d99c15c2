// Selects the uid of the process that answers the network: a dedicated account, or an unused uid.
import { PortreeveError } from '../../base/errors.ts';
import { type Account, parsePasswd } from '../../text/passwd.ts';

/** The account that is used if it exists. */
export const PORTMAP_ACCOUNT = 'portreeve-portmap';
/**
 * The uid without that account: neither Debian nor systemd assigns it to a user (60706-61183 are unused).
 */
export const PORTMAP_UID = 60711;

export type Identity = Pick<Account, 'uid' | 'gid'>;

/**
 * The uid of portreeve.toml, else the account `portreeve-portmap` of the passwd file, else the built-in uid.
 * Throws PortreeveError `UID_SHARED` (environment) if the uid belongs to another account, and `UID_ROOT` (usage) for 0.
 */
export function portmapIdentity(passwd: string, chosen?: number): Identity {
  const accounts = parsePasswd(passwd);
  const own = accounts.find(({ name }) => name === PORTMAP_ACCOUNT);
  const uid = chosen ?? own?.uid ?? PORTMAP_UID;
  const hint = `Create its account (useradd --system ${PORTMAP_ACCOUNT}), or set [portmap] uid in portreeve.toml.`;
  if (uid === 0) throw new PortreeveError('UID_ROOT', 'the portmap process must not run as root', hint);
  if (own?.uid === uid) return { uid, gid: own.gid };
  const other = accounts.find((account) => account.uid === uid);
  if (!other) return { uid, gid: uid };
  const message = `uid ${uid} of the portmap process belongs to the account ${other.name}`;
  throw new PortreeveError('UID_SHARED', message, hint, { uid, account: other.name });
}
