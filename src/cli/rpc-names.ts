// The names of RPC programs on this host.
import { readFileSync } from 'node:fs';
import { parseEtcRpc, RpcNames } from '../names/rpc-programs.ts';

/** Those of /etc/rpc and, where it cannot be read or says nothing, the well-known ones. */
export function hostRpcNames(): RpcNames {
  try {
    return new RpcNames(parseEtcRpc(readFileSync('/etc/rpc', 'utf8')));
  } catch {
    return new RpcNames();
  }
}
