/** Scenes of ports that clients get, and of sockets that are not what they seem, each with a twin that is well. */

import type { DoctorCases } from './cases.ts';
import {
  inForce,
  kernel,
  range,
  reserve,
  servicesOf,
  snapshot,
  socket,
  statd,
  statdAt,
  unmarked,
} from './snapshots.ts';

const clients = (count: number, to: string, state = 'ESTABLISHED') =>
  Array.from({ length: count }, (_, index) =>
    socket(`${state} tcp 192.0.2.9:${33_000 + index}`, { name: 'curl', to, pid: 7000 }),
  );
const WIDE = kernel({ ephemeral: range(1024, 65_535) });
const NARROW = kernel({ ephemeral: range(33_000, 33_063) });
const narrow = (sockets: Parameters<typeof snapshot>[0]) => ({ ...snapshot(sockets), kernel: NARROW });

export const CASES_OF_PORTS = {
  SERVICE_EPHEMERAL: [
    {
      what: 'the command line names the port',
      fires: snapshot({ sockets: [socket('LISTEN tcp 0.0.0.0:40000', { command: 'server --port 40000' })] }),
      twin: snapshot({
        sockets: [socket('LISTEN tcp 0.0.0.0:40000', { command: 'server --port 40000' })],
        kernel: reserve(39_999, 40_000),
      }),
    },
    {
      what: 'nothing else than the port is the number',
      fires: snapshot({ sockets: [socket('LISTEN tcp 0.0.0.0:40000', { command: 'server -p40000' })] }),
      twin: snapshot({
        sockets: [socket('LISTEN tcp 0.0.0.0:40000', { command: 'server -p140000 -q400001' })],
      }),
    },
    {
      what: '/etc/services names it, and it is UDP',
      fires: snapshot({
        sockets: [socket('UNCONNECTED udp 0.0.0.0:40000', {})],
        services: servicesOf('app 40000/udp\n'),
      }),
      twin: snapshot({
        sockets: [socket('UNCONNECTED udp 0.0.0.0:40000', {})],
        services: servicesOf('app 40000/tcp\n'),
        kernel: reserve(40_000),
      }),
    },
    {
      what: 'it is not a container that got the port from Docker',
      fires: snapshot({
        sockets: [socket('LISTEN tcp 0.0.0.0:40000', { command: 'proxy -host-port 40000' })],
      }),
      twin: snapshot({
        sockets: [
          socket('LISTEN tcp 0.0.0.0:40000', {
            command: 'proxy -host-port 40000',
            forwardsTo: '172.17.0.2:80',
          }),
        ],
      }),
    },
    {
      what: 'the profile does not reserve it, which is told otherwise',
      fires: snapshot({ sockets: [socket('LISTEN tcp 0.0.0.0:40000', { command: 'server --port 40000' })] }),
      twin: snapshot({
        sockets: [socket('LISTEN tcp 0.0.0.0:40000', { command: 'server --port 40000' })],
        inForce: inForce('PORT 40000 TCP SERVER'),
      }),
    },
    {
      what: 'the name is none of the many of the system, which a client of UDP may have met by chance',
      fires: snapshot({
        sockets: [socket('UNCONNECTED udp 0.0.0.0:1194', {})],
        services: servicesOf('vpn 1194/udp\n'),
        kernel: WIDE,
      }),
      twin: snapshot({
        sockets: [socket('UNCONNECTED udp 0.0.0.0:1194', {})],
        services: unmarked('vpn 1194/udp\n'),
        kernel: WIDE,
      }),
    },
  ],
  LISTENER_EPHEMERAL: [
    {
      what: 'nothing says who chose the port',
      fires: snapshot({ sockets: [socket('LISTEN tcp 127.0.0.1:40000', { name: 'containerd' })] }),
      twin: snapshot({ sockets: [socket('LISTEN tcp 127.0.0.1:32767', { name: 'containerd' })] }),
    },
    {
      what: 'it is no client of UDP',
      fires: snapshot({ sockets: [socket('LISTEN tcp [::]:60999', {})] }),
      twin: snapshot({ sockets: [socket('UNCONNECTED udp [::]:60999', {})] }),
    },
    {
      what: 'it is no RPC program, whose port is asked for',
      fires: snapshot({ sockets: [statd(40_000, 1)] }),
      twin: snapshot({ sockets: [statd(40_000, 1)], registrations: [statdAt(40_000)] }),
    },
  ],
  CLIENT_ON_PORT: [
    {
      what: 'a connection of somebody else has a reserved port',
      fires: snapshot({
        sockets: [socket('ESTABLISHED tcp 192.0.2.9:40000', { name: 'curl', to: '192.0.2.2:443' })],
        inForce: inForce('PORT 40000 TCP APP'),
      }),
      twin: snapshot({
        sockets: [
          socket('ESTABLISHED tcp 192.0.2.9:40000', { name: 'curl', to: '192.0.2.2:443', job: 'APP' }),
        ],
        inForce: inForce('PORT 40000 TCP APP'),
      }),
    },
    {
      what: 'what is left of a client is there in TIME_WAIT',
      fires: snapshot({
        sockets: [socket('TIME_WAIT tcp 192.0.2.9:40000', { to: '192.0.2.2:443', expiresMs: 43_000 })],
        inForce: inForce('PORT 40000 TCP APP'),
      }),
      twin: snapshot({
        sockets: [socket('TIME_WAIT tcp 192.0.2.9:40000', { to: '192.0.2.2:51234', expiresMs: 43_000 })],
        inForce: inForce('PORT 40000 TCP APP'),
      }),
    },
    {
      what: 'its other end is a listener of this host',
      fires: snapshot({
        sockets: [
          socket('TIME_WAIT tcp 127.0.0.1:40000', { to: '127.0.0.1:41000', expiresMs: 43_000 }),
          socket('LISTEN tcp 127.0.0.1:41000', {}),
        ],
        inForce: inForce('PORT 40000 TCP APP'),
      }),
      twin: snapshot({
        sockets: [
          socket('TIME_WAIT tcp 127.0.0.1:40000', { to: '127.0.0.1:41000', expiresMs: 43_000 }),
          socket('LISTEN tcp 127.0.0.1:40000', { job: 'APP' }),
        ],
        inForce: inForce('PORT 40000 TCP APP'),
      }),
    },
    {
      what: 'the port is that of a service of this host',
      fires: snapshot({
        sockets: [socket('ESTABLISHED tcp 192.0.2.9:40000', { name: 'curl', to: '192.0.2.2:443' })],
        services: servicesOf('app 40000/tcp\n'),
      }),
      twin: snapshot({
        sockets: [socket('ESTABLISHED tcp 192.0.2.9:57000', { name: 'curl', to: '192.0.2.2:443' })],
      }),
    },
    {
      what: 'the port is that of a service of this host, in a file that does not say where these begin',
      fires: snapshot({
        sockets: [socket('ESTABLISHED tcp 192.0.2.9:40000', { name: 'curl', to: '192.0.2.2:443' })],
        services: unmarked('app 40000/tcp\n'),
      }),
      twin: snapshot({
        sockets: [socket('ESTABLISHED tcp 192.0.2.9:57000', { name: 'curl', to: '192.0.2.2:443' })],
        services: unmarked('app 40000/tcp\n'),
      }),
    },
    {
      what: 'a client of UDP has it',
      fires: snapshot({
        sockets: [socket('UNCONNECTED udp 0.0.0.0:40000', { name: 'dig' })],
        inForce: inForce('PORT 40000 UDP APP'),
      }),
      twin: snapshot({
        sockets: [socket('UNCONNECTED udp 0.0.0.0:40000', { name: 'dig' })],
        inForce: inForce('PORT 40000 UDP DIG'),
      }),
    },
  ],
  EPHEMERAL_FEW: [
    {
      what: 'the connections to one destination have four fifths of the ports',
      fires: narrow({ sockets: clients(52, '192.0.2.2:443') }),
      twin: narrow({ sockets: clients(51, '192.0.2.2:443') }),
    },
    {
      what: 'hardly one is left',
      fires: narrow({ sockets: clients(63, '192.0.2.2:443', 'TIME_WAIT') }),
      twin: snapshot({ sockets: clients(63, '192.0.2.2:443', 'TIME_WAIT') }),
    },
    {
      what: 'they are clients, and not those of a server',
      fires: narrow({ sockets: clients(60, '192.0.2.2:443') }),
      twin: narrow({
        sockets: Array.from({ length: 60 }, (_, index) =>
          socket('ESTABLISHED tcp 192.0.2.9:33000', { to: `192.0.2.2:${40_000 + index}` }),
        ),
      }),
    },
    {
      what: 'clients of UDP have them',
      fires: narrow({
        sockets: Array.from({ length: 52 }, (_, index) =>
          socket(`UNCONNECTED udp 0.0.0.0:${33_000 + index}`, {}),
        ),
      }),
      twin: narrow({
        sockets: Array.from({ length: 51 }, (_, index) =>
          socket(`UNCONNECTED udp 0.0.0.0:${33_000 + index}`, {}),
        ),
      }),
    },
    {
      what: 'connections to several destinations have different ports',
      fires: narrow({
        sockets: [...clients(30, '192.0.2.2:443'), ...clients(60, '192.0.2.3:443').slice(30)],
      }),
      twin: narrow({ sockets: [...clients(30, '192.0.2.2:443'), ...clients(30, '192.0.2.3:443')] }),
    },
  ],
  OWNERS_DIFFER: [
    {
      what: 'one has it for IPv4, the other for IPv6',
      fires: snapshot({
        sockets: [
          socket('LISTEN tcp 127.0.0.1:5432', { name: 'postgres', pid: 1 }),
          socket('LISTEN tcp [::1]:5432', { name: 'pgbouncer', pid: 2 }),
        ],
      }),
      twin: snapshot({
        sockets: [
          socket('LISTEN tcp 127.0.0.1:5432', { name: 'postgres', pid: 1 }),
          socket('LISTEN tcp [::1]:5432', { name: 'postgres', pid: 2 }),
        ],
      }),
    },
    {
      what: 'they are not the same program, though of one session and one interpreter',
      fires: snapshot({
        sockets: [
          socket('LISTEN tcp 127.0.0.1:5173', {
            name: 'node',
            command: 'node a.js',
            pid: 1,
            unit: 'session-1.scope',
          }),
          socket('LISTEN tcp [::1]:5173', {
            name: 'node',
            command: 'node b.js',
            pid: 2,
            unit: 'session-1.scope',
          }),
        ],
      }),
      twin: snapshot({
        sockets: [
          socket('LISTEN tcp 127.0.0.1:5173', {
            name: 'node',
            command: 'node a.js',
            pid: 1,
            unit: 'session-1.scope',
          }),
          socket('LISTEN tcp [::1]:5173', {
            name: 'node',
            command: 'node a.js',
            pid: 2,
            unit: 'session-1.scope',
          }),
        ],
      }),
    },
    {
      what: 'they are not two proxies to one container',
      fires: snapshot({
        sockets: [
          socket('LISTEN tcp 0.0.0.0:8080', { name: 'docker-proxy', pid: 1, forwardsTo: '172.17.0.2:80' }),
          socket('LISTEN tcp [::]:8080', { name: 'docker-proxy', pid: 2, forwardsTo: '172.17.0.3:80' }),
        ],
      }),
      twin: snapshot({
        sockets: [
          socket('LISTEN tcp 0.0.0.0:8080', { name: 'docker-proxy', pid: 1, forwardsTo: '172.17.0.2:80' }),
          socket('LISTEN tcp [::]:8080', { name: 'docker-proxy', pid: 2, forwardsTo: '172.17.0.2:80' }),
        ],
      }),
    },
    {
      what: 'both can be meant by localhost',
      fires: snapshot({
        sockets: [
          socket('LISTEN tcp 0.0.0.0:8080', { name: 'a', pid: 1 }),
          socket('LISTEN tcp [::1]:8080', { name: 'b', pid: 2 }),
        ],
      }),
      twin: snapshot({
        sockets: [
          socket('LISTEN tcp 127.0.0.2:8080', { name: 'a', pid: 1 }),
          socket('LISTEN tcp [::1]:8080', { name: 'b', pid: 2 }),
        ],
      }),
    },
    {
      what: 'none of those that share it has it for both',
      fires: snapshot({
        sockets: [
          socket('UNCONNECTED udp 0.0.0.0:1900', { name: 'a', pid: 1 }),
          socket('UNCONNECTED udp 0.0.0.0:1900', { name: 'b', pid: 2 }),
          socket('UNCONNECTED udp [::]:1900', { name: 'c', pid: 3 }),
        ],
      }),
      twin: snapshot({
        sockets: [
          socket('UNCONNECTED udp 0.0.0.0:1900', { name: 'a', pid: 1 }),
          socket('UNCONNECTED udp 0.0.0.0:1900', { name: 'b', pid: 2 }),
          socket('UNCONNECTED udp [::]:1900', { name: 'b', pid: 2 }),
        ],
      }),
    },
    {
      what: 'they are not of one unit',
      fires: snapshot({
        sockets: [
          socket('UNCONNECTED udp 0.0.0.0:53', { name: 'a', pid: 1, unit: 'a.service' }),
          socket('UNCONNECTED udp [::]:53', { name: 'b', pid: 2, unit: 'b.service' }),
        ],
      }),
      twin: snapshot({
        sockets: [
          socket('UNCONNECTED udp 0.0.0.0:53', { name: 'a', pid: 1, unit: 'a.service' }),
          socket('UNCONNECTED udp [::]:53', { name: 'b', pid: 2, unit: 'a.service' }),
        ],
      }),
    },
    {
      what: 'they are not clients of UDP',
      fires: snapshot({
        sockets: [
          socket('LISTEN tcp 0.0.0.0:40000', { name: 'a', pid: 1 }),
          socket('LISTEN tcp [::]:40000', { name: 'b', pid: 2 }),
        ],
      }),
      twin: snapshot({
        sockets: [
          socket('UNCONNECTED udp 0.0.0.0:40000', { name: 'a', pid: 1 }),
          socket('UNCONNECTED udp [::]:40000', { name: 'b', pid: 2 }),
        ],
      }),
    },
  ],
  BOUND_NOT_LISTENING: [
    {
      what: 'a socket that may be a client is bound',
      fires: snapshot({ sockets: [socket('BOUND tcp 0.0.0.0:40000', {})] }),
      twin: snapshot({ sockets: [socket('ESTABLISHED tcp 0.0.0.0:40000', { to: '192.0.2.1:80' })] }),
    },
    {
      what: 'a socket is bound and does not listen',
      fires: snapshot({ sockets: [socket('BOUND tcp 0.0.0.0:8080', {})] }),
      twin: snapshot({ sockets: [socket('LISTEN tcp 0.0.0.0:8080', {})] }),
    },
    {
      what: 'its program does not listen there either',
      fires: snapshot({
        sockets: [
          socket('BOUND tcp 0.0.0.0:8080', { pid: 1, name: 'a' }),
          socket('LISTEN tcp 0.0.0.0:8080', { pid: 2 }),
        ],
      }),
      twin: snapshot({
        sockets: [
          socket('BOUND tcp 0.0.0.0:8080', { pid: 2, name: 'a' }),
          socket('LISTEN tcp 0.0.0.0:8080', { pid: 2 }),
        ],
      }),
    },
  ],
} as const satisfies DoctorCases;
