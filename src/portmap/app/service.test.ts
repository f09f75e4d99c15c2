/** Tests the port mapper service: who may change what, ownership, size limits, and the log. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ip, portmapService, serviceAt } from '../../../test/support/service.ts';
import { simPeer } from '../../../test/support/sim/peer.ts';
import { bytesOf } from '../../base/bytes.ts';
import { UDP_REPLY_MAX_BYTES } from '../../base/limits.ts';
import { NETIDS, netIdInfo } from '../../base/netid.ts';
import type { Peer } from '../../base/peer.ts';
import { decodeList, decodeMapping, encodeMapping, PORTMAP_PROGRAM } from '../wire/portmap.ts';
import { readReply, writeCall } from '../wire/rpc.ts';
import { decodeRpcb, encodeRpcb } from '../wire/rpcbind.ts';
import { encodeXdr, XdrReader, type XdrWriter } from '../wire/xdr.ts';

type Portmap = ReturnType<typeof portmapService>;

const PROGRAM = 0x20000001;
const SET = 1;
const UNSET = 2;
const DUMP = 4;

/** The outcome of a call, and a reader at its results. */
function ask(
  portmap: Portmap,
  peer: Peer,
  version: number,
  procedure: number,
  args: (writer: XdrWriter) => void,
) {
  const message = encodeXdr((writer) => {
    writeCall(writer, { xid: 1, program: PORTMAP_PROGRAM, version, procedure });
    args(writer);
  });
  const bytes = portmap.ask(peer, message);
  if (!bytes) return { outcome: 'silence' as const, results: undefined, length: 0 };
  const results = new XdrReader(bytesOf(bytes));
  return { outcome: readReply(results).outcome, results, length: bytes.length };
}

const rpcb =
  (netid: string, address: string, program = PROGRAM) =>
  (writer: XdrWriter) =>
    encodeRpcb(writer, { program, version: 1, netid, address, owner: '1' });

const mapping = (protocol: number, port: number) => (writer: XdrWriter) =>
  encodeMapping(writer, { program: PROGRAM, version: 1, protocol, port });

/** The answer of SET or UNSET. */
function change(
  portmap: Portmap,
  peer: Peer,
  procedure: number,
  netid: string,
  address = '',
): boolean | string {
  const { outcome, results } = ask(portmap, peer, 3, procedure, rpcb(netid, address));
  return outcome === 'success' ? (results?.bool() ?? false) : outcome;
}

/** The owners of the program, as DUMP shows them. */
function owners(portmap: Portmap): string[] {
  const { results } = ask(portmap, simPeer('local'), 4, DUMP, () => undefined);
  const list = results ? decodeList(results, 1000, decodeRpcb) : [];
  return list.filter(({ program }) => program === PROGRAM).map(({ owner }) => owner);
}

const root = simPeer('local');
const user = simPeer('local', { uid: 1000 });

describe('a registration belongs', () => {
  test('to the uid that the kernel reports, whatever the transport and the port', () => {
    for (const netid of NETIDS) {
      for (const port of [777, 40_000]) {
        for (const [uid, owner] of [
          [0, 'superuser'],
          [1000, '1000'],
        ] as const) {
          const portmap = portmapService();
          assert.equal(change(portmap, simPeer(netid, { uid, port }), SET, 'udp', '0.0.0.0.8.1'), true);
          assert.deepEqual(owners(portmap), [owner]);
        }
      }
    }
  });
});

test('registrations can be changed from this host only', () => {
  const here = ['127.0.0.1', '127.0.0.2', '127.255.255.254'].map((text) =>
    simPeer('udp', { address: ip(text) }),
  );
  for (const peer of [...here, simPeer('tcp6'), root]) {
    assert.equal(change(portmapService(['10.9.8.1/24']), peer, SET, 'udp', '0.0.0.0.8.1'), true);
  }
  const foreign = ['10.9.8.1', '10.9.8.2', '203.0.113.9', '::2', 'fe80::1'].map((text) => {
    return simPeer(text.includes(':') ? 'tcp6' : 'tcp', { address: ip(text) });
  });
  for (const peer of foreign) {
    for (const procedure of [SET, UNSET]) {
      assert.equal(
        change(portmapService(['10.9.8.1/24']), peer, procedure, 'udp', '0.0.0.0.8.1'),
        'auth-error',
      );
      for (const version of [2, 4]) {
        const args = version === 2 ? mapping(6, 2049) : rpcb('udp', '0.0.0.0.8.1');
        const { outcome } = ask(portmapService(['10.9.8.1/24']), peer, version, procedure, args);
        assert.equal(outcome, 'auth-error', `version ${version}`);
      }
    }
  }
});

describe('DUMP over UDP', () => {
  /** A port mapper whose dump has this many entries in addition to its own. */
  const withEntries = (count: number): Portmap => {
    const portmap = portmapService(['10.9.8.1/24']);
    for (let program = 1; program <= count; program++) {
      const entry = {
        program,
        version: 1,
        netid: 'udp',
        ...serviceAt('udp', '0.0.0.0.8.1'),
        owner: 0,
      } as const;
      assert.ok('added' in portmap.service.tables.registrations.set({ ...entry, builtIn: false }));
    }
    return portmap;
  };

  // 24 bytes of header, 20 for each of the 6 own mappings and the others, 4 at the end.
  test('is at most as long as a datagram', () => {
    const most = Math.floor((UDP_REPLY_MAX_BYTES - 28) / 20) - 6;
    const fits = ask(withEntries(most), simPeer('udp'), 2, DUMP, () => undefined);
    assert.equal(fits.outcome, 'success');
    assert.equal(fits.results && decodeList(fits.results, 1000, decodeMapping).length, most + 6);
    assert.ok(fits.length <= UDP_REPLY_MAX_BYTES);
    assert.equal(ask(withEntries(most + 1), simPeer('udp'), 2, DUMP, () => undefined).outcome, 'system-err');
  });

  test('is SYSTEM_ERR in every version if it does not fit, and complete on a stream', () => {
    const portmap = withEntries(1000);
    for (const version of [2, 3, 4]) {
      for (const netid of NETIDS) {
        const { outcome, length } = ask(portmap, simPeer(netid), version, DUMP, () => undefined);
        const isStream = netIdInfo(netid).semantics !== 1;
        assert.equal(outcome, isStream ? 'success' : 'system-err', `version ${version} over ${netid}`);
        assert.equal(length > 1000, isStream);
      }
    }
  });

  test('is answered to the addresses of this host only', () => {
    const portmap = withEntries(1);
    const from = (address: string) =>
      ask(portmap, simPeer('udp', { address: ip(address) }), 2, DUMP, () => undefined);
    assert.equal(from('10.9.8.1').outcome, 'success');
    assert.equal(from('10.9.8.2').outcome, 'silence');
  });

  test('shows a change at once', () => {
    const portmap = portmapService();
    assert.deepEqual(owners(portmap), []);
    change(portmap, user, SET, 'udp', '0.0.0.0.8.1');
    assert.deepEqual(owners(portmap), ['1000']);
    change(portmap, user, UNSET, 'udp');
    assert.deepEqual(owners(portmap), []);
  });
});

test('two spellings of an address are one registration', () => {
  const portmap = portmapService();
  assert.equal(change(portmap, user, SET, 'udp6', '2001:DB8:0::1.8.1'), true);
  assert.equal(change(portmap, user, SET, 'udp6', '2001:db8::1.008.1'), true);
  assert.equal(change(portmap, user, SET, 'udp6', '2001:db8::1.8.2'), false);
  assert.equal(owners(portmap).length, 1);
});

describe('the log has', () => {
  test('a registration and its removal, with the caller and its address', () => {
    const portmap = portmapService();
    change(portmap, user, SET, 'udp', '0.0.0.0.008.1');
    change(portmap, user, SET, 'udp', '0.0.0.0.8.1');
    change(portmap, user, UNSET, '');
    change(portmap, user, UNSET, '');
    const common = { program: PROGRAM, version: 1, netid: 'udp', uid: 1000, from: 'local', reason: '' };
    assert.deepEqual(portmap.events, [
      { ...common, what: 'set', address: '0.0.0.0.8.1' },
      { ...common, what: 'unset', address: '0.0.0.0.8.1' },
    ]);
  });

  test('a refusal, with its reason', () => {
    const portmap = portmapService();
    change(portmap, root, SET, 'udp', '0.0.0.0.8.1');
    change(portmap, user, SET, 'udp', '0.0.0.0.8.2');
    change(portmap, simPeer('tcp6', { port: 777, uid: 1001 }), UNSET, 'udp');
    change(portmap, user, SET, 'bogus', '0.0.0.0.8.2');
    change(portmap, user, SET, 'tcp', '::.8.2');
    ask(portmap, simPeer('udp', { address: ip('127.0.0.2'), port: 5000 }), 2, SET, mapping(6, 70_000));
    ask(portmap, root, 2, SET, mapping(132, 2049));
    assert.deepEqual(
      portmap.events.slice(1).map(({ what, from, reason }) => [what, from, reason]),
      [
        ['refused', 'local', 'already registered at 0.0.0.0.8.1 by uid 0'],
        ['refused', '[::1]:777', 'registered by uid 0; only its owner or root may change it'],
        ['refused', 'local', '"bogus" is not a netid (udp, tcp, udp6, tcp6, local)'],
        ['refused', 'local', '"::.8.2" is not an address of tcp'],
        ['refused', '127.0.0.2:5000', '"port 70000" is not an address of tcp'],
        ['refused', 'local', '"protocol 132" is not a netid (udp, tcp, udp6, tcp6, local)'],
      ],
    );
  });

  test('an attempt on an entry of the port mapper itself', () => {
    const portmap = portmapService();
    ask(portmap, root, 2, UNSET, (writer) =>
      encodeMapping(writer, { program: PORTMAP_PROGRAM, version: 2, protocol: 0, port: 0 }),
    );
    assert.deepEqual(
      portmap.events.map(({ what, reason }) => [what, reason]),
      [['refused', 'it belongs to the port mapper itself']],
    );
  });
});
