/** Scenes of RPC programs, each with a twin that is well. */

import type { DoctorCases } from './cases.ts';
import { inForce, registration, reserve, snapshot, socket, statd, statdAt } from './snapshots.ts';

const REST = socket('LISTEN tcp 0.0.0.0:853', { name: 'unbound', pid: 853, startTicks: 9000 });

export const CASES_OF_RPC = {
  RPC_SOCKET_GONE: [
    {
      what: 'no socket is where a program is registered',
      fires: snapshot({ registrations: [statdAt(40_000)] }),
      twin: snapshot({ registrations: [statdAt(40_000)], sockets: [statd(40_000, 1)] }),
    },
    {
      what: 'the one that is there has another address',
      fires: snapshot({
        registrations: [registration('x 300000 udp 192.0.2.9:5000')],
        sockets: [socket('UNCONNECTED udp 127.0.0.1:5000', {})],
      }),
      twin: snapshot({
        registrations: [registration('x 300000 udp 192.0.2.9:5000')],
        sockets: [socket('UNCONNECTED udp [::]:5000', { v6Only: false })],
      }),
    },
    {
      what: 'the one that is there is IPv6 only',
      fires: snapshot({
        registrations: [registration('x 300000 udp 0.0.0.0:5000')],
        sockets: [socket('UNCONNECTED udp [::]:5000', { v6Only: true })],
      }),
      twin: snapshot({
        registrations: [registration('x 300000 udp [::]:5000')],
        sockets: [socket('UNCONNECTED udp [::]:5000', { v6Only: true })],
      }),
    },
  ],
  RPC_ON_ASSIGNED_PORT: [
    {
      what: 'statd has the port of CUPS',
      fires: snapshot({ registrations: [statdAt(631)], sockets: [statd(631, 1)] }),
      twin: snapshot({ registrations: [statdAt(632)], sockets: [statd(632, 1)] }),
    },
    {
      what: 'IANA has assigned the port',
      fires: snapshot({ registrations: [statdAt(674)], sockets: [statd(674, 1)] }),
      twin: snapshot({
        registrations: [registration('nfs 100003 tcp 0.0.0.0:2049')],
        sockets: [socket('LISTEN tcp 0.0.0.0:2049', {})],
      }),
    },
    {
      what: 'the blacklist has it',
      fires: snapshot({ registrations: [statdAt(921)], sockets: [statd(921, 1)] }),
      twin: snapshot({ registrations: [statdAt(922)], sockets: [statd(922, 1)] }),
    },
  ],
  RPC_COULD_TAKE_PORT: [
    {
      what: 'a service is where bindresvport(3) chooses',
      fires: snapshot({ registrations: [statdAt(700)], sockets: [statd(700, 9999), REST] }),
      twin: snapshot({
        registrations: [statdAt(700)],
        sockets: [statd(700, 9999), REST],
        blacklist: [631, 853],
      }),
    },
    {
      what: 'there are RPC programs that use it',
      fires: snapshot({ registrations: [statdAt(700)], sockets: [statd(700, 9999), REST] }),
      twin: snapshot({ registrations: [statdAt(40_000)], sockets: [statd(40_000, 9999), REST] }),
    },
    {
      what: 'the command line of the RPC program does not say its port',
      fires: snapshot({ registrations: [statdAt(700)], sockets: [statd(700, 9999), REST] }),
      twin: snapshot({
        registrations: [statdAt(700)],
        sockets: [statd(700, 9999, 'rpc.statd -p 700'), REST],
      }),
    },
    {
      what: 'the port is not another one of the program',
      fires: snapshot({ registrations: [statdAt(700)], sockets: [statd(700, 9999), REST] }),
      twin: snapshot({
        registrations: [statdAt(700)],
        sockets: [statd(700, 9999), socket('LISTEN tcp 127.0.0.1:853', { pid: 700, startTicks: 9999 })],
      }),
    },
    {
      what: 'the guard does not keep it',
      fires: snapshot({
        registrations: [statdAt(700)],
        sockets: [statd(700, 9999), REST],
        inForce: inForce('PORT 853 TCP UNBOUND', { guard: 'observe' }),
      }),
      twin: snapshot({
        registrations: [statdAt(700)],
        sockets: [statd(700, 9999), REST],
        inForce: inForce('PORT 853 TCP UNBOUND'),
      }),
    },
  ],
  RPC_BEFORE_SERVICE: [
    {
      what: 'both are where libtirpc chooses, above the range of clients',
      fires: snapshot({
        registrations: [statdAt(62_931)],
        sockets: [statd(62_931, 1), socket('LISTEN tcp 0.0.0.0:61500', { command: 'app -p 61500' })],
      }),
      twin: snapshot({
        registrations: [statdAt(62_931)],
        sockets: [statd(62_931, 1), socket('LISTEN tcp 0.0.0.0:31500', { command: 'app -p 31500' })],
      }),
    },
    {
      what: 'statd came before the service',
      fires: snapshot({ registrations: [statdAt(700)], sockets: [statd(700, 8999), REST] }),
      twin: snapshot({ registrations: [statdAt(700)], sockets: [statd(700, 9001), REST] }),
    },
    {
      what: 'both are in the range of clients',
      fires: snapshot({
        registrations: [statdAt(40_000)],
        sockets: [statd(40_000, 1), socket('LISTEN tcp 0.0.0.0:54045', { command: 'lockd -p 54045' })],
      }),
      twin: snapshot({
        registrations: [statdAt(40_000)],
        sockets: [statd(40_000, 1), socket('LISTEN tcp 0.0.0.0:54045', { command: 'lockd -p 54045' })],
        kernel: reserve(54_045),
      }),
    },
  ],
} as const satisfies DoctorCases;
