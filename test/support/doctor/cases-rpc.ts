/** Test cases of the checks of RPC programs. */

import type { DoctorCases } from './cases.ts';
import { inForce, registration, reserve, snapshot, socket, statd, statdAt } from './snapshots.ts';

const UNBOUND = socket('LISTEN tcp 0.0.0.0:853', { name: 'unbound', pid: 853, startTicks: 9000 });

export const CASES_OF_RPC = {
  RPC_SOCKET_GONE: [
    {
      when: 'no socket has the address of a registration',
      faulty: snapshot({ registrations: [statdAt(40_000)] }),
      clean: snapshot({ registrations: [statdAt(40_000)], sockets: [statd(40_000, 1)] }),
    },
    {
      when: 'the socket has another address',
      faulty: snapshot({
        registrations: [registration('x 300000 udp 192.0.2.9:5000')],
        sockets: [socket('UNCONNECTED udp 127.0.0.1:5000', {})],
      }),
      clean: snapshot({
        registrations: [registration('x 300000 udp 192.0.2.9:5000')],
        sockets: [socket('UNCONNECTED udp [::]:5000', { v6Only: false })],
      }),
    },
    {
      when: 'the socket is IPv6 only',
      faulty: snapshot({
        registrations: [registration('x 300000 udp 0.0.0.0:5000')],
        sockets: [socket('UNCONNECTED udp [::]:5000', { v6Only: true })],
      }),
      clean: snapshot({
        registrations: [registration('x 300000 udp [::]:5000')],
        sockets: [socket('UNCONNECTED udp [::]:5000', { v6Only: true })],
      }),
    },
  ],
  RPC_ON_ASSIGNED_PORT: [
    {
      when: 'statd holds the port of CUPS',
      faulty: snapshot({ registrations: [statdAt(631)], sockets: [statd(631, 1)] }),
      clean: snapshot({ registrations: [statdAt(632)], sockets: [statd(632, 1)] }),
    },
    {
      when: 'IANA has assigned the port',
      faulty: snapshot({ registrations: [statdAt(674)], sockets: [statd(674, 1)] }),
      clean: snapshot({
        registrations: [registration('nfs 100003 tcp 0.0.0.0:2049')],
        sockets: [socket('LISTEN tcp 0.0.0.0:2049', {})],
      }),
    },
    {
      when: 'the blacklist contains the port',
      faulty: snapshot({ registrations: [statdAt(921)], sockets: [statd(921, 1)] }),
      clean: snapshot({ registrations: [statdAt(922)], sockets: [statd(922, 1)] }),
    },
  ],
  RPC_COULD_TAKE_PORT: [
    {
      when: 'the port of a service is in the range of bindresvport(3)',
      faulty: snapshot({ registrations: [statdAt(700)], sockets: [statd(700, 9999), UNBOUND] }),
      clean: snapshot({
        registrations: [statdAt(700)],
        sockets: [statd(700, 9999), UNBOUND],
        blacklist: [631, 853],
      }),
    },
    {
      when: 'an RPC program uses bindresvport(3)',
      faulty: snapshot({ registrations: [statdAt(700)], sockets: [statd(700, 9999), UNBOUND] }),
      clean: snapshot({ registrations: [statdAt(40_000)], sockets: [statd(40_000, 9999), UNBOUND] }),
    },
    {
      when: 'the command line of the RPC program does not contain its port',
      faulty: snapshot({ registrations: [statdAt(700)], sockets: [statd(700, 9999), UNBOUND] }),
      clean: snapshot({
        registrations: [statdAt(700)],
        sockets: [statd(700, 9999, 'rpc.statd -p 700'), UNBOUND],
      }),
    },
    {
      when: 'the port does not belong to the RPC program itself',
      faulty: snapshot({ registrations: [statdAt(700)], sockets: [statd(700, 9999), UNBOUND] }),
      clean: snapshot({
        registrations: [statdAt(700)],
        sockets: [statd(700, 9999), socket('LISTEN tcp 127.0.0.1:853', { pid: 700, startTicks: 9999 })],
      }),
    },
    {
      when: 'the guard does not enforce the reservation',
      faulty: snapshot({
        registrations: [statdAt(700)],
        sockets: [statd(700, 9999), UNBOUND],
        inForce: inForce('PORT 853 TCP UNBOUND', { guard: 'observe' }),
      }),
      clean: snapshot({
        registrations: [statdAt(700)],
        sockets: [statd(700, 9999), UNBOUND],
        inForce: inForce('PORT 853 TCP UNBOUND'),
      }),
    },
  ],
  RPC_BEFORE_SERVICE: [
    {
      when: 'both ports are in the range of libtirpc, above the ephemeral range',
      faulty: snapshot({
        registrations: [statdAt(62_931)],
        sockets: [statd(62_931, 1), socket('LISTEN tcp 0.0.0.0:61500', { command: 'app -p 61500' })],
      }),
      clean: snapshot({
        registrations: [statdAt(62_931)],
        sockets: [statd(62_931, 1), socket('LISTEN tcp 0.0.0.0:31500', { command: 'app -p 31500' })],
      }),
    },
    {
      when: 'statd started before the service',
      faulty: snapshot({ registrations: [statdAt(700)], sockets: [statd(700, 8999), UNBOUND] }),
      clean: snapshot({ registrations: [statdAt(700)], sockets: [statd(700, 9001), UNBOUND] }),
    },
    {
      when: 'both ports are in the ephemeral range',
      faulty: snapshot({
        registrations: [statdAt(40_000)],
        sockets: [statd(40_000, 1), socket('LISTEN tcp 0.0.0.0:54045', { command: 'lockd -p 54045' })],
      }),
      clean: snapshot({
        registrations: [statdAt(40_000)],
        sockets: [statd(40_000, 1), socket('LISTEN tcp 0.0.0.0:54045', { command: 'lockd -p 54045' })],
        kernel: reserve(54_045),
      }),
    },
  ],
} as const satisfies DoctorCases;
