// Asks a port mapper (program 100000, RFC 1833) in the newest version that it speaks.

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

/** A port mapper: on port 111 where nothing else is said. */
export type PortmapTarget = LocalTarget | (Omit<IpTarget, 'port'> & { readonly port?: number });

/** A registration, as a port mapper lists it. */
export interface PortmapEntry {
  /** The program. */
  readonly program: number;
  /** Its version. */
  readonly version: number;
  /** The transport: "udp", "tcp6", "local"... whatever the mapper says. */
  readonly netid: string;
  /** A universal address, "127.0.0.1.0.111"; version 2 knows ports only and so gives "0.0.0.0.0.111". */
  readonly address: string;
  /** Who registered it; version 2 does not say. */
  readonly owner: string | undefined;
}

/** What is registered. */
export type NewEntry = Omit<PortmapEntry, 'owner'>;

/** What is taken back: of all transports, where none is named. */
export interface EntryKey {
  /** The program. */
  readonly program: number;
  /** Its version. */
  readonly version: number;
  /** The transport; all of them without. */
  readonly netid?: string;
}

type Version = 2 | 3 | 4;

/** Versions 2, 3 and 4, the newest first. */
const VERSIONS: readonly Version[] = [4, 3, 2];

const PROTOCOL_NUMBERS: Readonly<Record<string, number>> = { tcp: PROTOCOL_TCP, udp: PROTOCOL_UDP };

/**
 * A client of one port mapper. It holds a socket from its first call until close(). Every call throws RpcError where it
 * has no result: `PROG_MISMATCH` where no version that the server has can do it.
 */
export class Portmap implements AsyncDisposable {
  readonly #client: RpcClient;
  readonly #where: string;
  /** The newest version that the server has, as far as it is known. */
  #newest: Version = 4;

  /** Throws PortreeveError (usage) `PORT_INVALID` or `PATH_INVALID`. */
  constructor(target: PortmapTarget, options: RpcClientOptions = {}) {
    const full = target.transport === 'local' ? target : { port: PORTMAP_PORT, ...target };
    this.#client = new RpcClient(full, options);
    this.#where = targetText(full);
  }

  /** Whether it answers: throws RpcError if not. */
  ping(options: CallOptions = {}): Promise<void> {
    return this.#negotiate((version) => this.#client.ping(PORTMAP_PROGRAM, version, options));
  }

  /** The port of a program over IPv4, in version 2's words; undefined if it is not registered. */
  async getPort(
    program: number,
    version: number,
    protocol: Protocol,
    options: CallOptions = {},
  ): Promise<Port | undefined> {
    const wanted: Mapping = { program, version, protocol: PROTOCOL_NUMBERS[protocol] ?? 0, port: 0 };
    const port = await this.#version2(PMAPPROC.GETPORT, wanted, (reader) => reader.u32(), options);
    if (port === 0) return undefined;
    if (!isPort(port)) throw new RpcError('BAD_REPLY', `${this.#where} gives ${port}, which is not a port`);
    return port;
  }

  /**
   * The universal address of a program, undefined if it is not registered. Port mappers answer for the transport
   * over which they are asked, whatever the netid says: ask over UDP for an address of UDP.
   * Where the version is not registered, they give the address of another version of the program.
   */
  async getAddr(
    program: number,
    version: number,
    netid: string,
    options: CallOptions = {},
  ): Promise<string | undefined> {
    const wanted: Rpcb = { program, version, netid, address: '', owner: '' };
    const readAddress = (reader: XdrReader) => reader.string(ADDRESS_MAX_BYTES);
    return this.#negotiate(async (spoken) => {
      if (spoken > 2)
        return (await this.#rpcbind(spoken, RPCBPROC.GETADDR, wanted, readAddress, options)) || undefined;
      const protocol = protocolOf(netid);
      const port = protocol && (await this.getPort(program, version, protocol, options));
      return port && `0.0.0.0${portSuffix(port)}`;
    });
  }

  /** All registrations. Port mappers may keep them from callers over UDP. */
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

  /** Registers an address of a program. False if the mapper refuses: another address has that place already. */
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

  /** Takes a registration back. Mappers say true as well where there was none. */
  unset(key: EntryKey, options: CallOptions = {}): Promise<boolean> {
    const { program, version, netid } = key;
    return this.#negotiate((spoken, tooOld) => {
      if (spoken > 2) {
        const rpcb: Rpcb = { program, version, netid: netid ?? '', address: '', owner: '' };
        return this.#rpcbind(spoken, RPCBPROC.UNSET, rpcb, readBool, options);
      }
      // Version 2 takes back all transports of a version, which would be more than was asked for.
      if (netid !== undefined) throw tooOld;
      return this.#version2(PMAPPROC.UNSET, { program, version, protocol: 0, port: 0 }, readBool, options);
    });
  }

  /** The time of the server, to the second; it takes version 3. */
  getTime(options: CallOptions = {}): Promise<Date> {
    return this.#negotiate((spoken, tooOld) => {
      if (spoken === 2) throw tooOld;
      const read = (reader: XdrReader) => new Date(reader.u32() * 1000);
      return this.#rpcbind(spoken, RPCBPROC.GETTIME, undefined, read, options);
    });
  }

  /** The statistics of versions 2, 3 and 4 of the port mapper, in that order; it takes version 4. */
  getStat(options: CallOptions = {}): Promise<RpcbStat[]> {
    const read = (reader: XdrReader) => Array.from({ length: STAT_VERSIONS }, () => decodeRpcbStat(reader));
    return this.#rpcbind(4, RPCBPROC.GETSTAT, undefined, read, options);
  }

  /**
   * The addresses of exactly this version of a program, over the protocols of the family by which it is asked; it takes
   * version 4.
   */
  getAddrList(program: number, version: number, options: CallOptions = {}): Promise<RpcbEntry[]> {
    const wanted: Rpcb = { program, version, netid: '', address: '', owner: '' };
    const read = (reader: XdrReader) => decodeList(reader, DUMP_NODES_MAX, decodeRpcbEntry);
    return this.#rpcbind(4, RPCBPROC.GETADDRLIST, wanted, read, options);
  }

  /** Ends the calls that wait, with `CLOSED`, and resolves when the socket is gone. */
  close(): Promise<void> {
    return this.#client.close();
  }

  /** The same as close(), for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Tries the newest version, and each older one where the server knows no better; remembers which it was. */
  async #negotiate<T>(attempt: (version: Version, tooOld: RpcError) => Promise<T>): Promise<T> {
    let mismatch = new RpcError('PROG_MISMATCH', `${this.#where} has no version that can do this`);
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

/** A mapping of version 2 in the words of the later ones. */
function entryOf({ program, version, protocol, port }: Mapping): PortmapEntry {
  const netid =
    protocol === PROTOCOL_TCP ? 'tcp' : protocol === PROTOCOL_UDP ? 'udp' : `protocol ${protocol}`;
  return { program, version, netid, address: `0.0.0.0${portSuffix(port)}`, owner: undefined };
}
