/** SET, UNSET and GETPORT calls to a port mapper in process. */

import assert from 'node:assert/strict';
import { bytesOf } from '../../src/base/bytes.ts';
import type { Peer } from '../../src/base/peer.ts';
import type { PortmapService } from '../../src/portmap/app/service.ts';
import { encodeMapping, PORTMAP_PROGRAM } from '../../src/portmap/wire/portmap.ts';
import { readReply, writeCall } from '../../src/portmap/wire/rpc.ts';
import { encodeRpcb } from '../../src/portmap/wire/rpcbind.ts';
import { encodeXdr, XdrReader, type XdrWriter } from '../../src/portmap/wire/xdr.ts';

/** The arguments of SET and UNSET. */
export interface EntryArguments {
  readonly program: number;
  readonly version?: number;
  /** Empty: all transports, for UNSET. */
  readonly netid?: string;
  readonly uaddr?: string;
}

const REPLY_BYTES = 1024;

function callOf(service: PortmapService, peer: Peer, message: Uint8Array): XdrReader {
  const reply = bytesOf(new Uint8Array(REPLY_BYTES));
  const length = service.answer(peer, bytesOf(message), 0, message.length, reply, 0, REPLY_BYTES);
  const results = new XdrReader(reply, 0, length);
  assert.equal(readReply(results).outcome, 'success');
  return results;
}

function call(procedure: number, version: number, args: (writer: XdrWriter) => void): Uint8Array {
  return encodeXdr((writer) => {
    writeCall(writer, { xid: 1, program: PORTMAP_PROGRAM, version, procedure });
    args(writer);
  });
}

function rpcbCall(
  procedure: number,
  { program, version = 1, netid = '', uaddr = '' }: EntryArguments,
): Uint8Array {
  return call(procedure, 4, (writer) =>
    encodeRpcb(writer, { program, version, netid, address: uaddr, owner: '' }),
  );
}

/** The answer to SET of rpcbind; by default for a UDP service on port 2049 of all addresses. */
export function callSet(service: PortmapService, peer: Peer, entry: EntryArguments): boolean {
  const message = rpcbCall(1, { netid: 'udp', uaddr: '0.0.0.0.8.1', ...entry });
  return callOf(service, peer, message).bool();
}

/** The answer to UNSET of rpcbind. */
export function callUnset(service: PortmapService, peer: Peer, entry: EntryArguments): boolean {
  return callOf(service, peer, rpcbCall(2, entry)).bool();
}

/** The lengths of the answers to SET and to UNSET of rpcbind; 0 for no answer. */
export function changeAnswers(service: PortmapService, peer: Peer, entry: EntryArguments): number[] {
  const reply = bytesOf(new Uint8Array(REPLY_BYTES));
  return [1, 2].map((procedure) => {
    const message = rpcbCall(procedure, { netid: 'udp', uaddr: '0.0.0.0.8.1', ...entry });
    return service.answer(peer, bytesOf(message), 0, message.length, reply, 0, REPLY_BYTES);
  });
}

/** The answer to GETPORT. */
export function callGetPort(service: PortmapService, peer: Peer, program: number, version = 1): number {
  const mapping = { program, version, protocol: 17, port: 0 };
  return callOf(
    service,
    peer,
    call(3, 2, (writer) => encodeMapping(writer, mapping)),
  ).u32();
}

/** The registrations, without the port mapper's own, as "program/version netid uaddr owner". */
export function registered(service: PortmapService): string[] {
  return [...service.tables.registrations.all()]
    .filter(({ builtIn }) => !builtIn)
    .map(({ program, version, netid, uaddr, owner }) => `${program}/${version} ${netid} ${uaddr} ${owner}`);
}
