// Collects what on this host grants access by a source port below 1024: NFS exports, and the hosts that rshd, rlogind
// and lpd trust.

import type { ConfigFiles } from '../../names/app/config-files.ts';
import type { SocketSnapshot } from '../../sockets/core/socket-snapshot.ts';
import type { LowPortTrust } from '../core/findings/snapshot.ts';
import { parseExports } from '../text/exports.ts';
import { parseHostsEquiv } from '../text/hosts-equiv.ts';

const EXPORTS = '/etc/exports';
const EXPORTS_DIRECTORY = '/etc/exports.d';
const NFS_PORTS: readonly number[] = [2049];

/** Files of trusted hosts, the ports of the programs that read them (services(5)), and what the programs grant. */
const RHOSTS = [
  { path: '/etc/hosts.equiv', ports: [513, 514], grant: 'may log in without a password' },
  { path: '/etc/hosts.lpd', ports: [515], grant: 'may print' },
] as const;

/** Names in these files can be arbitrarily long. */
const NAME_MAX_CHARACTERS = 80;
const shown = (name: string): string =>
  name.length > NAME_MAX_CHARACTERS ? `${name.slice(0, NAME_MAX_CHARACTERS)}…` : name;

/** One entry for each export and for each line that grants access. */
export function trustsHere(files: ConfigFiles, { sockets }: SocketSnapshot): LowPortTrust[] {
  const isListening = (ports: readonly number[]) =>
    sockets.some(({ socket }) => socket.state === 'LISTEN' && ports.includes(socket.local.port));
  const dropIns = files.within(EXPORTS_DIRECTORY, /^[^.].*\.exports$/);
  const exports = [EXPORTS, ...dropIns].flatMap((path) =>
    parseExports(files.text(path) ?? '').flatMap(
      ({ path: exported, clients, isSecure, flavors, line }): LowPortTrust[] => {
        if (!isSecure || !flavors.includes('sys')) return [];
        const what =
          `${shown(exported)} is exported to ${shown(clients)}, and user IDs are trusted in requests from ports ` +
          'below 1024';
        return [{ kind: 'nfs', place: `${path}:${line}`, what, isServed: isListening(NFS_PORTS) }];
      },
    ),
  );
  const hosts = RHOSTS.flatMap(({ path, ports, grant }) =>
    parseHostsEquiv(files.text(path) ?? '').map(({ host, user, line }): LowPortTrust => {
      const what = `${shown(user ?? 'any user')} of ${host === '+' ? 'any host' : shown(host)} ${grant}`;
      return { kind: 'rhosts', place: `${path}:${line}`, what, isServed: isListening(ports) };
    }),
  );
  return [...exports, ...hosts];
}
