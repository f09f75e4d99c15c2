/** Test cases of the checks of ephemeral ports and misleading sockets. */

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
      when: 'the command line contains the port',
      faulty: snapshot({ sockets: [socket('LISTEN tcp 0.0.0.0:40000', { command: 'server --port 40000' })] }),
      clean: snapshot({
        sockets: [socket('LISTEN tcp 0.0.0.0:40000', { command: 'server --port 40000' })],
        kernel: reserve(39_999, 40_000),
      }),
    },
    {
      when: 'the number in the command line is exactly the port',
      faulty: snapshot({ sockets: [socket('LISTEN tcp 0.0.0.0:40000', { command: 'server -p40000' })] }),
      clean: snapshot({
        sockets: [socket('LISTEN tcp 0.0.0.0:40000', { command: 'server -p140000 -q400001' })],
      }),
    },
    {
      when: '/etc/services has an entry for the UDP port',
      faulty: snapshot({
        sockets: [socket('UNCONNECTED udp 0.0.0.0:40000', {})],
        services: servicesOf('app 40000/udp\n'),
      }),
      clean: snapshot({
        sockets: [socket('UNCONNECTED udp 0.0.0.0:40000', {})],
        services: servicesOf('app 40000/tcp\n'),
        kernel: reserve(40_000),
      }),
    },
    {
      when: 'Docker did not choose the port for a container',
      faulty: snapshot({
        sockets: [socket('LISTEN tcp 0.0.0.0:40000', { command: 'proxy -host-port 40000' })],
      }),
      clean: snapshot({
        sockets: [
          socket('LISTEN tcp 0.0.0.0:40000', {
            command: 'proxy -host-port 40000',
            forwardsTo: '172.17.0.2:80',
          }),
        ],
      }),
    },
    {
      when: 'the profile does not reserve the port, which another check reports',
      faulty: snapshot({ sockets: [socket('LISTEN tcp 0.0.0.0:40000', { command: 'server --port 40000' })] }),
      clean: snapshot({
        sockets: [socket('LISTEN tcp 0.0.0.0:40000', { command: 'server --port 40000' })],
        inForce: inForce('PORT 40000 TCP SERVER'),
      }),
    },
    {
      when: 'the entry for the UDP port is a local one, not one of the distribution',
      faulty: snapshot({
        sockets: [socket('UNCONNECTED udp 0.0.0.0:1194', {})],
        services: servicesOf('vpn 1194/udp\n'),
        kernel: WIDE,
      }),
      clean: snapshot({
        sockets: [socket('UNCONNECTED udp 0.0.0.0:1194', {})],
        services: unmarked('vpn 1194/udp\n'),
        kernel: WIDE,
      }),
    },
  ],
  LISTENER_EPHEMERAL: [
    {
      when: 'it is unknown whether the program chose the port',
      faulty: snapshot({ sockets: [socket('LISTEN tcp 127.0.0.1:40000', { name: 'containerd' })] }),
      clean: snapshot({ sockets: [socket('LISTEN tcp 127.0.0.1:32767', { name: 'containerd' })] }),
    },
    {
      when: 'it is not a UDP client',
      faulty: snapshot({ sockets: [socket('LISTEN tcp [::]:60999', {})] }),
      clean: snapshot({ sockets: [socket('UNCONNECTED udp [::]:60999', {})] }),
    },
    {
      when: 'it is not a registered RPC program',
      faulty: snapshot({ sockets: [statd(40_000, 1)] }),
      clean: snapshot({ sockets: [statd(40_000, 1)], registrations: [statdAt(40_000)] }),
    },
  ],
  CLIENT_ON_PORT: [
    {
      when: 'a connection of another job holds a reserved port',
      faulty: snapshot({
        sockets: [socket('ESTABLISHED tcp 192.0.2.9:40000', { name: 'curl', to: '192.0.2.2:443' })],
        inForce: inForce('PORT 40000 TCP APP'),
      }),
      clean: snapshot({
        sockets: [
          socket('ESTABLISHED tcp 192.0.2.9:40000', { name: 'curl', to: '192.0.2.2:443', job: 'APP' }),
        ],
        inForce: inForce('PORT 40000 TCP APP'),
      }),
    },
    {
      when: 'a closed connection of a client holds it in TIME_WAIT',
      faulty: snapshot({
        sockets: [socket('TIME_WAIT tcp 192.0.2.9:40000', { to: '192.0.2.2:443', expiresMs: 43_000 })],
        inForce: inForce('PORT 40000 TCP APP'),
      }),
      clean: snapshot({
        sockets: [socket('TIME_WAIT tcp 192.0.2.9:40000', { to: '192.0.2.2:51234', expiresMs: 43_000 })],
        inForce: inForce('PORT 40000 TCP APP'),
      }),
    },
    {
      when: 'the remote end is a listener on this host',
      faulty: snapshot({
        sockets: [
          socket('TIME_WAIT tcp 127.0.0.1:40000', { to: '127.0.0.1:41000', expiresMs: 43_000 }),
          socket('LISTEN tcp 127.0.0.1:41000', {}),
        ],
        inForce: inForce('PORT 40000 TCP APP'),
      }),
      clean: snapshot({
        sockets: [
          socket('TIME_WAIT tcp 127.0.0.1:40000', { to: '127.0.0.1:41000', expiresMs: 43_000 }),
          socket('LISTEN tcp 127.0.0.1:40000', { job: 'APP' }),
        ],
        inForce: inForce('PORT 40000 TCP APP'),
      }),
    },
    {
      when: 'a local entry of /etc/services has the port',
      faulty: snapshot({
        sockets: [socket('ESTABLISHED tcp 192.0.2.9:40000', { name: 'curl', to: '192.0.2.2:443' })],
        services: servicesOf('app 40000/tcp\n'),
      }),
      clean: snapshot({
        sockets: [socket('ESTABLISHED tcp 192.0.2.9:57000', { name: 'curl', to: '192.0.2.2:443' })],
      }),
    },
    {
      when: 'a local entry has the port, in a file without the line "# Local services"',
      faulty: snapshot({
        sockets: [socket('ESTABLISHED tcp 192.0.2.9:40000', { name: 'curl', to: '192.0.2.2:443' })],
        services: unmarked('app 40000/tcp\n'),
      }),
      clean: snapshot({
        sockets: [socket('ESTABLISHED tcp 192.0.2.9:57000', { name: 'curl', to: '192.0.2.2:443' })],
        services: unmarked('app 40000/tcp\n'),
      }),
    },
    {
      when: 'a UDP client holds it',
      faulty: snapshot({
        sockets: [socket('UNCONNECTED udp 0.0.0.0:40000', { name: 'dig' })],
        inForce: inForce('PORT 40000 UDP APP'),
      }),
      clean: snapshot({
        sockets: [socket('UNCONNECTED udp 0.0.0.0:40000', { name: 'dig' })],
        inForce: inForce('PORT 40000 UDP DIG'),
      }),
    },
  ],
  EPHEMERAL_FEW: [
    {
      when: 'the connections to one destination use four fifths of the ports',
      faulty: narrow({ sockets: clients(52, '192.0.2.2:443') }),
      clean: narrow({ sockets: clients(51, '192.0.2.2:443') }),
    },
    {
      when: 'hardly any port is left',
      faulty: narrow({ sockets: clients(63, '192.0.2.2:443', 'TIME_WAIT') }),
      clean: snapshot({ sockets: clients(63, '192.0.2.2:443', 'TIME_WAIT') }),
    },
    {
      when: 'the connections are those of clients, not of a server',
      faulty: narrow({ sockets: clients(60, '192.0.2.2:443') }),
      clean: narrow({
        sockets: Array.from({ length: 60 }, (_, index) =>
          socket('ESTABLISHED tcp 192.0.2.9:33000', { to: `192.0.2.2:${40_000 + index}` }),
        ),
      }),
    },
    {
      when: 'UDP clients use the ports',
      faulty: narrow({
        sockets: Array.from({ length: 52 }, (_, index) =>
          socket(`UNCONNECTED udp 0.0.0.0:${33_000 + index}`, {}),
        ),
      }),
      clean: narrow({
        sockets: Array.from({ length: 51 }, (_, index) =>
          socket(`UNCONNECTED udp 0.0.0.0:${33_000 + index}`, {}),
        ),
      }),
    },
    {
      when: 'connections to several destinations use different ports',
      faulty: narrow({
        sockets: [...clients(30, '192.0.2.2:443'), ...clients(60, '192.0.2.3:443').slice(30)],
      }),
      clean: narrow({ sockets: [...clients(30, '192.0.2.2:443'), ...clients(30, '192.0.2.3:443')] }),
    },
  ],
  OWNERS_DIFFER: [
    {
      when: 'one program holds it for IPv4, another for IPv6',
      faulty: snapshot({
        sockets: [
          socket('LISTEN tcp 127.0.0.1:5432', { name: 'postgres', pid: 1 }),
          socket('LISTEN tcp [::1]:5432', { name: 'pgbouncer', pid: 2 }),
        ],
      }),
      clean: snapshot({
        sockets: [
          socket('LISTEN tcp 127.0.0.1:5432', { name: 'postgres', pid: 1 }),
          socket('LISTEN tcp [::1]:5432', { name: 'postgres', pid: 2 }),
        ],
      }),
    },
    {
      when: 'the programs differ, although the session and the interpreter are the same',
      faulty: snapshot({
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
      clean: snapshot({
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
      when: 'two proxies do not lead to one container',
      faulty: snapshot({
        sockets: [
          socket('LISTEN tcp 0.0.0.0:8080', { name: 'docker-proxy', pid: 1, forwardsTo: '172.17.0.2:80' }),
          socket('LISTEN tcp [::]:8080', { name: 'docker-proxy', pid: 2, forwardsTo: '172.17.0.3:80' }),
        ],
      }),
      clean: snapshot({
        sockets: [
          socket('LISTEN tcp 0.0.0.0:8080', { name: 'docker-proxy', pid: 1, forwardsTo: '172.17.0.2:80' }),
          socket('LISTEN tcp [::]:8080', { name: 'docker-proxy', pid: 2, forwardsTo: '172.17.0.2:80' }),
        ],
      }),
    },
    {
      when: 'a client of localhost can reach either',
      faulty: snapshot({
        sockets: [
          socket('LISTEN tcp 0.0.0.0:8080', { name: 'a', pid: 1 }),
          socket('LISTEN tcp [::1]:8080', { name: 'b', pid: 2 }),
        ],
      }),
      clean: snapshot({
        sockets: [
          socket('LISTEN tcp 127.0.0.2:8080', { name: 'a', pid: 1 }),
          socket('LISTEN tcp [::1]:8080', { name: 'b', pid: 2 }),
        ],
      }),
    },
    {
      when: 'no program holds it for both families',
      faulty: snapshot({
        sockets: [
          socket('UNCONNECTED udp 0.0.0.0:1900', { name: 'a', pid: 1 }),
          socket('UNCONNECTED udp 0.0.0.0:1900', { name: 'b', pid: 2 }),
          socket('UNCONNECTED udp [::]:1900', { name: 'c', pid: 3 }),
        ],
      }),
      clean: snapshot({
        sockets: [
          socket('UNCONNECTED udp 0.0.0.0:1900', { name: 'a', pid: 1 }),
          socket('UNCONNECTED udp 0.0.0.0:1900', { name: 'b', pid: 2 }),
          socket('UNCONNECTED udp [::]:1900', { name: 'b', pid: 2 }),
        ],
      }),
    },
    {
      when: 'they do not belong to one unit',
      faulty: snapshot({
        sockets: [
          socket('UNCONNECTED udp 0.0.0.0:53', { name: 'a', pid: 1, unit: 'a.service' }),
          socket('UNCONNECTED udp [::]:53', { name: 'b', pid: 2, unit: 'b.service' }),
        ],
      }),
      clean: snapshot({
        sockets: [
          socket('UNCONNECTED udp 0.0.0.0:53', { name: 'a', pid: 1, unit: 'a.service' }),
          socket('UNCONNECTED udp [::]:53', { name: 'b', pid: 2, unit: 'a.service' }),
        ],
      }),
    },
    {
      when: 'they are not UDP clients',
      faulty: snapshot({
        sockets: [
          socket('LISTEN tcp 0.0.0.0:40000', { name: 'a', pid: 1 }),
          socket('LISTEN tcp [::]:40000', { name: 'b', pid: 2 }),
        ],
      }),
      clean: snapshot({
        sockets: [
          socket('UNCONNECTED udp 0.0.0.0:40000', { name: 'a', pid: 1 }),
          socket('UNCONNECTED udp [::]:40000', { name: 'b', pid: 2 }),
        ],
      }),
    },
  ],
  BOUND_NOT_LISTENING: [
    {
      when: 'a socket that may be a client is bound',
      faulty: snapshot({ sockets: [socket('BOUND tcp 0.0.0.0:40000', {})] }),
      clean: snapshot({ sockets: [socket('ESTABLISHED tcp 0.0.0.0:40000', { to: '192.0.2.1:80' })] }),
    },
    {
      when: 'a socket is bound and does not listen',
      faulty: snapshot({ sockets: [socket('BOUND tcp 0.0.0.0:8080', {})] }),
      clean: snapshot({ sockets: [socket('LISTEN tcp 0.0.0.0:8080', {})] }),
    },
    {
      when: 'its program does not listen on the port',
      faulty: snapshot({
        sockets: [
          socket('BOUND tcp 0.0.0.0:8080', { pid: 1, name: 'a' }),
          socket('LISTEN tcp 0.0.0.0:8080', { pid: 2 }),
        ],
      }),
      clean: snapshot({
        sockets: [
          socket('BOUND tcp 0.0.0.0:8080', { pid: 2, name: 'a' }),
          socket('LISTEN tcp 0.0.0.0:8080', { pid: 2 }),
        ],
      }),
    },
  ],
} as const satisfies DoctorCases;
