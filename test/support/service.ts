/** The port mapper in process, with its own entries as on a host, and helpers for callers. */

import { type IpAddress, parseIp } from '../../src/base/address.ts';
import { bytesOf } from '../../src/base/bytes.ts';
import { STREAM_REPLY_MAX_BYTES, UDP_REPLY_MAX_BYTES } from '../../src/base/limits.ts';
import { type NetId, netIdInfo, type ServiceAddress } from '../../src/base/netid.ts';
import type { InterfaceAddress, Peer } from '../../src/base/peer.ts';
import { parseDecimal } from '../../src/base/port.ts';
import { type OwnEntry, Portmapper } from '../../src/portmap/app/portmapper.ts';
import { RecordServer } from '../../src/portmap/app/records.ts';
import type { PortmapService } from '../../src/portmap/app/service.ts';
import type { EventCounts, PortmapEvent } from '../../src/portmap/core/events.ts';
import { parseServiceAddress } from '../../src/wire/uaddr.ts';
import { SimClock } from './sim/clock.ts';
import { SimDisk } from './sim/log-file.ts';
import { SimSocketTable } from './sim/socket-table.ts';
import { SimStreamOutput } from './sim/stream.ts';

/** The time at which the vectors were recorded, in seconds since 1970. */
export const RECORDED_AT_SECONDS = 0x6b000591;

/** Parses a valid address. */
export function ip(text: string): IpAddress {
  const address = parseIp(text);
  if (!address) throw new Error(`"${text}" is no address`);
  return address;
}

/** Parses a valid universal address of a service. */
export function serviceAt(netid: NetId, uaddr: string): ServiceAddress {
  const address = parseServiceAddress(netid, uaddr);
  if (!address) throw new Error(`"${uaddr}" is not an address of ${netid}`);
  return address;
}

/** An interface address from "10.9.8.1/24" and the index of its interface. */
export function interfaceAddress(
  cidr: string,
  interfaceIndex: number,
  flags: Partial<InterfaceAddress> = {},
) {
  const [address = '', prefix = ''] = cidr.split('/');
  const bits = parseDecimal(prefix, 128);
  if (bits === undefined) throw new Error(`"${cidr}" has no prefix`);
  const loopback = interfaceIndex === 1;
  return {
    address: ip(address),
    prefix: bits,
    interfaceIndex,
    up: true,
    loopback,
    pointToPoint: false,
    ...flags,
  };
}

export interface ServiceUnderTest {
  readonly portmapper: Portmapper;
  readonly service: PortmapService;
  readonly records: RecordServer;
  readonly clock: SimClock;
  /** The sockets of the host; none at first. */
  readonly sockets: SimSocketTable;
  /** The disk with its log. */
  readonly disk: SimDisk;
  readonly events: PortmapEvent[];
  /** The counts of suppressed events. */
  readonly counts: EventCounts[];
  /** Does the work that is done when no request is waiting. */
  idle(): void;
  /** Advances the clock, with the work that is done every 100 ms. */
  pass(ms: number): void;
  /** Answers a message; undefined for no answer. */
  ask(peer: Peer, message: Uint8Array): Uint8Array | undefined;
  /** Answers the bytes of a connection. */
  callStream(peer: Peer, bytes: Uint8Array): { readonly reply: Uint8Array; readonly taken: number };
}

const TICK_MS = 100;

/** A port mapper on a host with these addresses in addition to loopback, each on its own interface. */
export function portmapService(addresses: readonly string[] = []): ServiceUnderTest {
  const events: PortmapEvent[] = [];
  const counts: EventCounts[] = [];
  const clock = new SimClock(RECORDED_AT_SECONDS * 1000 + 999);
  const sockets = new SimSocketTable();
  const disk = new SimDisk();
  const portmapper = new Portmapper({
    clock,
    sockets,
    logFiles: [disk.file(), disk.file()],
    stamp: 'boot 1',
    listener: {
      onEvent: (event) => events.push(event),
      onSuppressed: (more) => counts.push(more),
      onFault: (stack) => {
        throw new Error(stack);
      },
    },
  });
  portmapper.recover(OWN_ENTRIES);
  portmapper.startLog();
  const { service } = portmapper;
  const loopback = [interfaceAddress('127.0.0.1/8', 1), interfaceAddress('::1/128', 1)];
  service.interfacesChanged([...loopback, ...addresses.map((cidr, i) => interfaceAddress(cidr, i + 2))]);
  const records = new RecordServer(service);
  return {
    portmapper,
    service,
    records,
    clock,
    sockets,
    disk,
    events,
    counts,
    idle: () => {
      if (portmapper.isWanted) portmapper.run();
    },
    pass: (ms) => {
      for (let passed = 0; passed < ms; passed += TICK_MS) {
        clock.advance(Math.min(TICK_MS, ms - passed));
        portmapper.tick(clock.monotonic());
      }
    },
    ask: (peer, message) => ask(service, peer, message),
    callStream: (peer, bytes) => {
      const output = new SimStreamOutput();
      const taken = records.receive(peer, bytesOf(bytes), 0, bytes.length, output);
      return { reply: output.take(), taken };
    },
  };
}

const VERSIONS = { inet: [4, 3, 2], inet6: [4, 3], loopback: [4, 3] } as const;
const OWN: Readonly<Record<NetId, string>> = {
  udp: '0.0.0.0.0.111',
  tcp: '0.0.0.0.0.111',
  udp6: '::.0.111',
  tcp6: '::.0.111',
  local: '/run/rpcbind.sock',
};

/** The entries of a port mapper itself, in the order of rpcbind's. */
export const OWN_ENTRIES: readonly OwnEntry[] = (['tcp6', 'udp6', 'tcp', 'udp', 'local'] as const).flatMap(
  (netid) => VERSIONS[netIdInfo(netid).family].map((version) => ({ netid, version, uaddr: OWN[netid] })),
);

function ask(service: PortmapService, peer: Peer, message: Uint8Array): Uint8Array | undefined {
  const limit = netIdInfo(peer.netid).semantics === 1 ? UDP_REPLY_MAX_BYTES : STREAM_REPLY_MAX_BYTES;
  const reply = bytesOf(new Uint8Array(limit));
  const length = service.answer(peer, bytesOf(message), 0, message.length, reply, 0, limit);
  const { tail } = service;
  service.tail = undefined;
  if (length <= 0) return undefined;
  return tail ? new Uint8Array([...reply.u8.subarray(0, length), ...tail]) : reply.u8.slice(0, length);
}
