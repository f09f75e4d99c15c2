// Encoders and decoders that only the other side of a connection needs, for testing the codecs of portreeve.

import { CALL_ARGS_MAX_BYTES, type CallItArgs } from '../../src/portmap/wire/portmap.ts';
import { AUTH_SYS_GIDS_MAX, type AuthSys, MACHINE_NAME_MAX_BYTES } from '../../src/portmap/wire/rpc.ts';
import type { RpcbEntry } from '../../src/portmap/wire/rpcbind.ts';
import { XdrError, type XdrReader, type XdrWriter } from '../../src/portmap/wire/xdr.ts';

export function encodeCallItArgs(writer: XdrWriter, call: CallItArgs): void {
  writer.u32(call.program);
  writer.u32(call.version);
  writer.u32(call.procedure);
  if (call.args.length > CALL_ARGS_MAX_BYTES)
    throw new XdrError('XDR_TOO_LONG', 'more than 8800 bytes of arguments');
  writer.opaque(call.args);
}

export function encodeRpcbEntry(writer: XdrWriter, entry: RpcbEntry): void {
  writer.string(entry.address);
  writer.string(entry.netid);
  writer.u32(entry.semantics);
  writer.string(entry.family);
  writer.string(entry.protocol);
}

/** Decodes the body of an AUTH_SYS credential. */
export function decodeAuthSys(reader: XdrReader): AuthSys {
  const stamp = reader.u32();
  const machineName = reader.string(MACHINE_NAME_MAX_BYTES);
  const uid = reader.u32();
  const gid = reader.u32();
  const count = reader.u32();
  if (count > AUTH_SYS_GIDS_MAX) throw new XdrError('XDR_TOO_LONG', `${count} groups; the maximum is 16`);
  const gids: number[] = [];
  for (let i = 0; i < count; i++) gids.push(reader.u32());
  return { stamp, machineName, uid, gid, gids };
}
