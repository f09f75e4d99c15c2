// Reads the registrations of the daemon's own port mapper, as any client does.
import { PortreeveError } from '../../base/errors.ts';
import { readText } from '../../host/linux/files.ts';
import { parseEtcRpc, RpcNames } from '../../names/core/rpc-programs.ts';
import { RpcError } from '../client/errors.ts';
import { Portmap } from '../client/portmap.ts';
import { type RegisteredProgram, registeredPrograms } from '../core/registered-program.ts';

const QUERY_MS = 500;
const ETC_RPC = '/etc/rpc';
const ETC_RPC_MAX_BYTES = 1024 * 1024;

/** Throws PortreeveError `PORTMAP_SILENT` (environment). */
export async function registrationsAt(path: string): Promise<RegisteredProgram[]> {
  await using portmap = new Portmap({ transport: 'local', path }, { timeoutMs: QUERY_MS });
  try {
    const names = new RpcNames(parseEtcRpc(readText(ETC_RPC, ETC_RPC_MAX_BYTES) ?? ''));
    return registeredPrograms(await portmap.dump(), (program) => names.nameOf(program));
  } catch (thrown) {
    if (!(thrown instanceof RpcError)) throw thrown;
    throw new PortreeveError('PORTMAP_SILENT', thrown.message);
  }
}
