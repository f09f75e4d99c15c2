// A client of the port mapper (program 100000, RFC 1833): it negotiates the newest version that the server supports.

import { DUMP_NODES_MAX } from '../../base/client-limits.ts';
import { isPort, PORTMAP_PORT, type Port, type Protocol } from '../../base/port.ts';
import { parseUaddr, portSuffix } from '../../wire/uaddr.ts';
import {
  decodeList,
  decodeMapping,
  encodeMapping,
  type Mapping,
  PMAPPROC,
  PORTMAP_PROGRAM,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
} from '../wire/portmap.ts';
import {
  ADDRESS_MAX_BYTES,
  decodeRpcb,
  decodeRpcbEntry,
  decodeRpcbStat,
  encodeRpcb,
  RPCBPROC,
  type Rpcb,
  type RpcbEntry,
  type RpcbStat,
  STAT_VERSIONS,
} from '../wire/rpcbind.ts';
import type { XdrReader } from '../wire/xdr.ts';
import { RpcError } from './errors.ts';
import { type CallOptions, RpcClient, type RpcClientOptions } from './rpc-client.ts';
import { type IpTarget, type LocalTarget, targetText } from './target.ts';

/** A port mapper; the default port is 111. */
export type PortmapTarget = LocalTarget | (Omit<IpTarget, 'port'> & { readonly port?: number });

/** A registration, as a port mapper lists it. */
export interface PortmapEntry {
  /** The program. */
  readonly program: number;
  /** Its version. */
  readonly version: number;
  /** The transport as the mapper names it: "udp", "tcp6", "local"... */
  readonly netid: string;
  /** A universal address, "127.0.0.1.0.111"; version 2 has only ports, so that this is "0.0.0.0.0.111". */
  readonly address: string;
  /** Who registered it; undefined in version 2, which does not report it. */
  readonly owner: string | undefined;
}

/** A registration to be made. */
export type NewEntry = Omit<PortmapEntry, 'owner'>;

/** The registrations to be removed. */
export interface EntryKey {
  /** The program. */
  readonly program: number;
  /** Its version. */
  readonly version: number;
  /** The transport; all transports if it is absent. */
  readonly netid?: string;
}

type Version = 2 | 3 | 4;

/** Versions 2, 3 and 4, the newest first. */
const VERSIONS: readonly Version[] = [4, 3, 2];

const PROTOCOL_NUMBERS: Readonly<Record<string, number>> = { tcp: PROTOCOL_TCP, udp: PROTOCOL_UDP };

/**
 * A client of one port mapper. It holds a socket from its first call until close(). Every call without a result throws
 * RpcError: `PROG_MISMATCH` if no version that the server supports has the procedure.
 */
export class Portmap implements AsyncDisposable {
  readonly #client: RpcClient;
  readonly #where: string;
  /** The newest version that the server may support. */
  #newest: Version = 4;

  /** Throws PortreeveError (usage) `PORT_INVALID` or `PATH_INVALID`. */
  constructor(target: PortmapTarget, options: RpcClientOptions = {}) {
    const full = target.transport === 'local' ? target : { port: PORTMAP_PORT, ...target };
    this.#client = new RpcClient(full, options);
    this.#where = targetText(full);
  }

  /** Resolves if the port mapper answers. Throws RpcError if not. */
  ping(options: CallOptions = {}): Promise<void> {
    return this.#negotiate((version) => this.#client.ping(PORTMAP_PROGRAM, version, options));
  }

  /** The port of a program over IPv4, by version 2's GETPORT; undefined if it is not registered. */
  async getPort(
    program: number,
    version: number,
    protocol: Protocol,
    options: CallOptions = {},
  ): Promise<Port | undefined> {
    const query: Mapping = { program, version, protocol: PROTOCOL_NUMBERS[protocol] ?? 0, port: 0 };
    const port = await this.#version2(PMAPPROC.GETPORT, query, (reader) => reader.u32(), options);
    if (port === 0) return undefined;
    if (!isPort(port))
      throw new RpcError('BAD_REPLY', `${this.#where} returned ${port}, which is not a port`);
    return port;
  }

  /**
   * The universal address of a program; undefined if it is not registered. Port mappers ignore the netid and answer for
   * the transport of the call: call over UDP for a UDP address. If the version is not registered, they return the
   * address of another version of the program.
   */
  async getAddr(
    program: number,
    version: number,
    netid: string,
    options: CallOptions = {},
  ): Promise<string | undefined> {
    const query: Rpcb = { program, version, netid, address: '', owner: '' };
    const readAddress = (reader: XdrReader) => reader.string(ADDRESS_MAX_BYTES);
    return this.#negotiate(async (spoken) => {
      if (spoken > 2)
        return (await this.#rpcbind(spoken, RPCBPROC.GETADDR, query, readAddress, options)) || undefined;
      const protocol = protocolOf(netid);
      const port = protocol && (await this.getPort(program, version, protocol, options));
      return port && `0.0.0.0${portSuffix(port)}`;
    });
  }

  /** All registrations. A port mapper may not answer this call over UDP. */
  dump(options: CallOptions = {}): Promise<PortmapEntry[]> {
    return this.#negotiate((spoken) => {
      if (spoken === 2) {
        const read = (reader: XdrReader) => decodeList(reader, DUMP_NODES_MAX, decodeMapping).map(entryOf);
        return this.#version2(PMAPPROC.DUMP, undefined, read, options);
      }
      const read = (reader: XdrReader) => decodeList(reader, DUMP_NODES_MAX, decodeRpcb);
      return this.#rpcbind(spoken, RPCBPROC.DUMP, undefined, read, options);
    });
  }

  /** Registers an address of a program. False if the mapper refuses, such as when another address is registered. */
  set(entry: NewEntry, options: CallOptions = {}): Promise<boolean> {
    const { program, version, netid, address } = entry;
    return this.#negotiate((spoken, tooOld) => {
      if (spoken > 2) {
        return this.#rpcbind(spoken, RPCBPROC.SET, { ...entry, owner: '' }, readBool, options);
      }
      const protocol = PROTOCOL_NUMBERS[netid];
      const port = parseUaddr(address)?.port;
      if (protocol === undefined || port === undefined) throw tooOld;
      return this.#version2(PMAPPROC.SET, { program, version, protocol, port }, readBool, options);
    });
  }

  /** Removes a registration. True also if there was none. */
  unset(key: EntryKey, options: CallOptions = {}): Promise<boolean> {
    const { program, version, netid } = key;
    return this.#negotiate((spoken, tooOld) => {
      if (spoken > 2) {
        const rpcb: Rpcb = { program, version, netid: netid ?? '', address: '', owner: '' };
        return this.#rpcbind(spoken, RPCBPROC.UNSET, rpcb, readBool, options);
      }
      // Version 2 can only remove all transports of a version.
      if (netid !== undefined) throw tooOld;
      return this.#version2(PMAPPROC.UNSET, { program, version, protocol: 0, port: 0 }, readBool, options);
    });
  }

  /** The time of the server, to the second. Requires version 3. */
  getTime(options: CallOptions = {}): Promise<Date> {
    return this.#negotiate((spoken, tooOld) => {
      if (spoken === 2) throw tooOld;
      const read = (reader: XdrReader) => new Date(reader.u32() * 1000);
      return this.#rpcbind(spoken, RPCBPROC.GETTIME, undefined, read, options);
    });
  }

  /** The statistics of versions 2, 3 and 4 of the port mapper, in that order. Requires version 4. */
  getStat(options: CallOptions = {}): Promise<RpcbStat[]> {
    const read = (reader: XdrReader) => Array.from({ length: STAT_VERSIONS }, () => decodeRpcbStat(reader));
    return this.#rpcbind(4, RPCBPROC.GETSTAT, undefined, read, options);
  }

  /**
   * The addresses of exactly this version of a program, over the protocols of the address family of the call. Requires
   * version 4.
   */
  getAddrList(program: number, version: number, options: CallOptions = {}): Promise<RpcbEntry[]> {
    const query: Rpcb = { program, version, netid: '', address: '', owner: '' };
    const read = (reader: XdrReader) => decodeList(reader, DUMP_NODES_MAX, decodeRpcbEntry);
    return this.#rpcbind(4, RPCBPROC.GETADDRLIST, query, read, options);
  }

  /** Rejects outstanding calls with `CLOSED`; resolves when the socket is closed. */
  close(): Promise<void> {
    return this.#client.close();
  }

  /** The same as close(), for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Tries the newest version first, then each older one on PROG_MISMATCH; remembers the one that succeeded. */
  async #negotiate<T>(attempt: (version: Version, tooOld: RpcError) => Promise<T>): Promise<T> {
    let mismatch = new RpcError(
      'PROG_MISMATCH',
      `${this.#where} supports no version that has this procedure`,
    );
    for (const version of VERSIONS) {
      if (version > this.#newest) continue;
      try {
        const result = await attempt(version, mismatch);
        this.#newest = version;
        return result;
      } catch (thrown) {
        if (!(thrown instanceof RpcError && thrown.code === 'PROG_MISMATCH')) throw thrown;
        mismatch = thrown;
      }
    }
    throw mismatch;
  }

  #rpcbind<T>(
    version: Version,
    procedure: number,
    rpcb: Rpcb | undefined,
    decode: (reader: XdrReader) => T,
    options: CallOptions,
  ): Promise<T> {
    const encode = rpcb && ((writer: Parameters<typeof encodeRpcb>[0]) => encodeRpcb(writer, rpcb));
    const call = { ...options, program: PORTMAP_PROGRAM, version, procedure, decode };
    return this.#client.call(encode ? { ...call, encode } : call);
  }

  #version2<T>(
    procedure: number,
    mapping: Mapping | undefined,
    decode: (reader: XdrReader) => T,
    options: CallOptions,
  ): Promise<T> {
    const encode =
      mapping && ((writer: Parameters<typeof encodeMapping>[0]) => encodeMapping(writer, mapping));
    const call = { ...options, program: PORTMAP_PROGRAM, version: 2, procedure, decode };
    return this.#client.call(encode ? { ...call, encode } : call);
  }
}

const readBool = (reader: XdrReader): boolean => reader.bool();

function protocolOf(netid: string): Protocol | undefined {
  return netid === 'tcp' || netid === 'udp' ? netid : undefined;
}

/** A mapping of version 2 as an entry of versions 3 and 4. */
function entryOf({ program, version, protocol, port }: Mapping): PortmapEntry {
  const netid =
    protocol === PROTOCOL_TCP ? 'tcp' : protocol === PROTOCOL_UDP ? 'udp' : `protocol ${protocol}`;
  return { program, version, netid, address: `0.0.0.0${portSuffix(port)}`, owner: undefined };
}
