// The dependencies of the commands that choose ports.
import { linuxSysctls } from '../../host/linux/sysctls.ts';
import type { Io } from '../../kit/io.ts';
import { hostServices, loadIana } from '../../names/commands/deps.ts';
import { archiveToRead } from '../../profile/commands/deps.ts';
import { LinuxOpenSockets } from '../../sockets/linux/open-sockets.ts';
import type { SuggestDeps } from '../app/suggest.ts';

/** `state` is the directory of the archive of profiles, if one was named. */
export async function suggestDeps(state: string | undefined, io: Io): Promise<SuggestDeps> {
  return {
    sysctls: linuxSysctls,
    sockets: new LinuxOpenSockets(),
    archive: archiveToRead(state, io),
    iana: await loadIana(),
    services: hostServices(),
  };
}
