// What of this host lets in whoever has a port below 1024: exports of NFS, and hosts whom rshd, rlogind and lpd trust.

import type { ConfigFiles } from '../../names/app/config-files.ts';
import type { Seen } from '../../sockets/core/seen.ts';
import type { LowPortTrust } from '../core/findings/snapshot.ts';
import { parseExports } from '../text/exports.ts';
import { parseHostsEquiv } from '../text/hosts-equiv.ts';

const EXPORTS = '/etc/exports';
const EXPORTS_DIRECTORY = '/etc/exports.d';
/** Where NFS is served (services(5)). */
const NFS_PORTS: readonly number[] = [2049];

/** Files of hosts that are trusted, the ports of the programs that read them (services(5)), and what these give. */
const RHOSTS = [
  { path: '/etc/hosts.equiv', ports: [513, 514], gives: 'is let in without a password' },
  { path: '/etc/hosts.lpd', ports: [515], gives: 'may print' },
] as const;

/** What is told of a name in a file that may be anything. */
const NAME_MAX_CHARACTERS = 80;
const shown = (name: string): string =>
  name.length > NAME_MAX_CHARACTERS ? `${name.slice(0, NAME_MAX_CHARACTERS)}…` : name;

/** The trusts, one for each export and for each line that lets somebody in. */
export function trustsHere(files: ConfigFiles, { sockets }: Seen): LowPortTrust[] {
  const isListening = (ports: readonly number[]) =>
    sockets.some(({ socket }) => socket.state === 'LISTEN' && ports.includes(socket.local.port));
  const dropIns = files.within(EXPORTS_DIRECTORY, /^[^.].*\.exports$/);
  const exports = [EXPORTS, ...dropIns].flatMap((path) =>
    parseExports(files.text(path) ?? '').flatMap(
      ({ path: exported, clients, isSecure, flavours, line }): LowPortTrust[] => {
        if (!isSecure || !flavours.includes('sys')) return [];
        const what =
          `${shown(exported)} is exported to ${shown(clients)}, whose users are believed if the request is from a ` +
          'port below 1024';
        return [{ kind: 'nfs', place: `${path}:${line}`, what, isServed: isListening(NFS_PORTS) }];
      },
    ),
  );
  const hosts = RHOSTS.flatMap(({ path, ports, gives }) =>
    parseHostsEquiv(files.text(path) ?? '').map(({ host, user, line }): LowPortTrust => {
      const what = `${shown(user ?? 'everybody')} of ${host === '+' ? 'any host' : shown(host)} ${gives}`;
      return { kind: 'rhosts', place: `${path}:${line}`, what, isServed: isListening(ports) };
    }),
  );
  return [...exports, ...hosts];
}
