/** The table of procedures in docs/portmap.md: each cell is tested with the service, from this host and remotely. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { bytesOf } from '../../src/base/bytes.ts';
import { NETIDS, type NetId, netIdInfo } from '../../src/base/netid.ts';
import type { Peer } from '../../src/base/peer.ts';
import { parseDecimal } from '../../src/base/port.ts';
import { encodeMapping, PORTMAP_PROGRAM } from '../../src/portmap/wire/portmap.ts';
import { readReply, writeCall } from '../../src/portmap/wire/rpc.ts';
import { encodeNetbuf, encodeRpcb } from '../../src/portmap/wire/rpcbind.ts';
import { encodeXdr, XdrReader, type XdrWriter } from '../../src/portmap/wire/xdr.ts';
import { encodeSockaddr } from '../../src/wire/sockaddr.ts';
import { encodeCallItArgs } from '../support/other-half.ts';
import { ip, portmapService, serviceAt } from '../support/service.ts';
import { simPeer } from '../support/sim/peer.ts';
import { tableOf } from '../support/tables.ts';

/** A program that is registered for every transport. */
const PROGRAM = 0x20001000;
const UADDRS: Readonly<Record<NetId, string>> = {
  udp: '0.0.0.0.8.1',
  tcp: '0.0.0.0.8.1',
  udp6: '::.8.1',
  tcp6: '::.8.1',
  local: '/run/x.sock',
};

const mapping = (writer: XdrWriter) =>
  encodeMapping(writer, { program: PROGRAM, version: 1, protocol: 17, port: 2049 });
const rpcb = (writer: XdrWriter) =>
  encodeRpcb(writer, { program: PROGRAM, version: 1, netid: 'udp', address: '0.0.0.0.8.1', owner: '' });
const callIt = (writer: XdrWriter) =>
  encodeCallItArgs(writer, { program: PROGRAM, version: 1, procedure: 1, args: new Uint8Array(0) });
const sockaddr = encodeSockaddr({ address: ip('127.0.0.1'), port: 2049 });

/** Valid arguments, by the name of the procedure. */
const ARGUMENTS: Readonly<Record<string, (writer: XdrWriter) => void>> = {
  GETPORT: mapping,
  GETADDR: rpcb,
  GETVERSADDR: rpcb,
  GETADDRLIST: rpcb,
  CALLIT: callIt,
  BCAST: callIt,
  INDIRECT: callIt,
  UADDR2TADDR: (writer) => writer.string('127.0.0.1.8.1'),
  TADDR2UADDR: (writer) => encodeNetbuf(writer, { maxlen: sockaddr.length, bytes: sockaddr }),
};

function argumentsOf(version: string, procedure: string): (writer: XdrWriter) => void {
  if (procedure === 'SET' || procedure === 'UNSET') return version === '2' ? mapping : rpcb;
  return ARGUMENTS[procedure] ?? (() => undefined);
}

/** The outcome of each cell for a caller on this host and for a remote one. */
const WORDS: Readonly<Record<string, readonly [local: string, remote: string]>> = {
  answers: ['success', 'success'],
  silent: ['silence', 'silence'],
  'silent if remote': ['success', 'silence'],
  'AUTH_TOOWEAK if remote': ['success', 'auth-error 5'],
  PROC_UNAVAIL: ['proc-unavail', 'proc-unavail'],
  SYSTEM_ERR: ['system-err', 'system-err'],
};

/** The outcome of a call on a host with addresses beyond loopback, where the program is registered. */
function outcome(
  peer: Peer,
  version: number,
  procedure: number,
  writeArgs: (writer: XdrWriter) => void,
): string {
  const portmap = portmapService(['192.0.2.1/24', 'fd00:9::1/64']);
  for (const netid of NETIDS) {
    const entry = {
      program: PROGRAM,
      version: 1,
      netid,
      ...serviceAt(netid, UADDRS[netid]),
      owner: undefined,
    };
    assert.ok('added' in portmap.service.tables.registrations.set({ ...entry, builtIn: false }));
  }
  const message = encodeXdr((writer) => {
    writeCall(writer, { xid: 7, program: PORTMAP_PROGRAM, version, procedure });
    writeArgs(writer);
  });
  const bytes = portmap.ask(peer, message);
  if (!bytes) return 'silence';
  const reply = readReply(new XdrReader(bytesOf(bytes)));
  return reply.outcome === 'auth-error' ? `auth-error ${reply.stat}` : reply.outcome;
}

const REMOTE = { inet: '203.0.113.9', inet6: '2001:db8::9' } as const;
const COLUMNS = ['version', 'number', 'procedure', ...NETIDS];

function numberOf(text: string): number {
  return parseDecimal(text, 0xffffffff) ?? assert.fail(`"${text}" is not a number`);
}

describe('the table of procedures', () => {
  const rows = tableOf('docs/portmap.md', COLUMNS);

  for (const row of rows) {
    const { version = '', number = '', procedure = '' } = row;
    for (const netid of NETIDS) {
      const cell = row[netid] ?? '';
      test(`version ${version} ${procedure} (${number}) over ${netid}: ${cell}`, () => {
        const [local, remote] = WORDS[cell] ?? [];
        const call = (peer: Peer) =>
          outcome(peer, numberOf(version), numberOf(number), argumentsOf(version, procedure));
        assert.equal(call(simPeer(netid)), local);
        const { family } = netIdInfo(netid);
        if (family !== 'loopback')
          assert.equal(call(simPeer(netid, { address: ip(REMOTE[family]) })), remote);
      });
    }
  }

  test('has every procedure of each version once, and the first number after them', () => {
    const numbers = (version: string) =>
      rows.filter((row) => row['version'] === version).map((row) => row['number']);
    const upTo = (last: number) => Array.from({ length: last + 1 }, (_, number) => `${number}`);
    assert.deepEqual([numbers('2'), numbers('3'), numbers('4')], [upTo(6), upTo(9), upTo(13)]);
  });
});
