/** The public library, the exports of the package: `import { RpcClient, Portmap } from 'portreeve'`. */
export { formatIp, hostPortText, type IpAddress, parseIp } from '../base/address.ts';
export type { ErrorKind } from '../base/error-catalog.ts';
export { type ErrorData, PortreeveError } from '../base/errors.ts';
export type { Port, Protocol } from '../base/port.ts';
export { readStatus, type StatusOptions } from '../kit/daemon-client.ts';
export { RpcError, type RpcErrorCode, type RpcErrorDetail } from '../portmap/client/errors.ts';
export {
  type EntryKey,
  type NewEntry,
  Portmap,
  type PortmapEntry,
  type PortmapTarget,
} from '../portmap/client/portmap.ts';
export {
  type CallOptions,
  type RpcCall,
  RpcClient,
  type RpcClientOptions,
} from '../portmap/client/rpc-client.ts';
export { type IpTarget, type LocalTarget, type RpcTarget, targetText } from '../portmap/client/target.ts';
export type { AuthSys } from '../portmap/wire/rpc.ts';
export type { AddressStat, RemoteCallStat, RpcbEntry, RpcbStat } from '../portmap/wire/rpcbind.ts';
export { XdrError, type XdrErrorCode, XdrReader, XdrWriter } from '../portmap/wire/xdr.ts';
export { formatUaddr, type IpEndpoint, parseUaddr } from '../wire/uaddr.ts';
