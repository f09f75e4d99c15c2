// As whom the process that answers the network runs: an account of its own, or a uid that nobody has.
import { PortreeveError } from '../../base/errors.ts';
import { type Account, parsePasswd } from '../../text/passwd.ts';

/** The account that is used where it exists. */
export const PORTMAP_ACCOUNT = 'portreeve-portmap';
/**
 * The uid that is used without it: one that neither Debian nor systemd gives to anybody (60706 to 61183 are
 * unused).
 */
export const PORTMAP_UID = 60711;

/** What setpriv(1) is told. */
export type Identity = Pick<Account, 'uid' | 'gid'>;

/**
 * The uid of portreeve.toml, which must be nobody's; without one the account `portreeve-portmap` of the passwd file;
 * without that the built-in uid, which must be nobody's either.
 * Throws PortreeveError `UID_SHARED` (environment) for somebody's uid, and `UID_ROOT` (usage) for 0.
 */
export function portmapIdentity(passwd: string, chosen?: number): Identity {
  const accounts = parsePasswd(passwd);
  const own = accounts.find(({ name }) => name === PORTMAP_ACCOUNT);
  const uid = chosen ?? own?.uid ?? PORTMAP_UID;
  const hint = `Make an account for it (useradd --system ${PORTMAP_ACCOUNT}), or set [portmap] uid in portreeve.toml.`;
  if (uid === 0) throw new PortreeveError('UID_ROOT', 'portmap does not answer the network as root', hint);
  if (own?.uid === uid) return { uid, gid: own.gid };
  const other = accounts.find((account) => account.uid === uid);
  if (!other) return { uid, gid: uid };
  const message = `uid ${uid}, as which portmap would answer the network, is ${other.name}'s`;
  throw new PortreeveError('UID_SHARED', message, hint, { uid, account: other.name });
}
