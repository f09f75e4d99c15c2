// The encoded result of DUMP, cached until the table changes.
import { netIdInfo } from '../../base/netid.ts';
import { encodeList, encodeMapping } from '../wire/portmap.ts';
import { encodeRpcb } from '../wire/rpcbind.ts';
import { encodeXdr, type XdrWriter } from '../wire/xdr.ts';
import { ownerName, type Registrations } from './registrations.ts';

/** More than the largest table requires: 65,536 entries of at most 200 bytes. */
const DUMP_MAX_BYTES = 16 * 1024 * 1024;

/** Copied, so that the buffer of the encoder is not retained. */
function encodeDump(write: (writer: XdrWriter) => void): Uint8Array {
  return encodeXdr(write, DUMP_MAX_BYTES).slice();
}

/** Caches the results of DUMP until the table changes. A returned array is never modified. */
export class DumpCache {
  readonly #registrations: Registrations;
  #revision = -1;
  #version2: Uint8Array | undefined;
  #rpcbind: Uint8Array | undefined;

  constructor(registrations: Registrations) {
    this.#registrations = registrations;
  }

  #forgetStale(): void {
    if (this.#revision === this.#registrations.revision) return;
    this.#revision = this.#registrations.revision;
    this.#version2 = undefined;
    this.#rpcbind = undefined;
  }

  /** The result of version 2: the mappings over IPv4 (RFC 1833 section 3.1: struct pmaplist). */
  version2(): Uint8Array {
    this.#forgetStale();
    const mappings = () =>
      this.#registrations
        .all()
        .filter(({ netid }) => netIdInfo(netid).family === 'inet')
        .map(({ program, version, netid, port }) => ({
          program,
          version,
          protocol: netIdInfo(netid).protocolNumber,
          port,
        }));
    this.#version2 ??= encodeDump((writer) => encodeList(writer, mappings(), encodeMapping));
    return this.#version2;
  }

  /** The result of versions 3 and 4 (RFC 1833 section 2.1: struct rpcblist). */
  rpcbind(): Uint8Array {
    this.#forgetStale();
    const entries = () =>
      this.#registrations.all().map(({ program, version, netid, uaddr, owner }) => ({
        program,
        version,
        netid,
        address: uaddr,
        owner: ownerName(owner),
      }));
    this.#rpcbind ??= encodeDump((writer) => encodeList(writer, entries(), encodeRpcb));
    return this.#rpcbind;
  }
}
