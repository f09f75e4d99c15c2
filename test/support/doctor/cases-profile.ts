/** Scenes of the profile in force, each with a twin that is well. */

import type { DoctorCases } from './cases.ts';
import { DOCKER, inaddrAny, inForce, NOMAD, reserve, snapshot, socket } from './snapshots.ts';

const ANY_ADDRESS = 'NETWORK DOMAINNAME(AF_INET) TYPE(CINET)\n INADDRANYPORT(4000) INADDRANYCOUNT(100)';

export const CASES_OF_PROFILE = {
  RESERVATION_EPHEMERAL: [
    {
      what: 'a reserved port is in the range of clients',
      fires: snapshot({ inForce: inForce('PORT 40000 TCP APP') }),
      twin: snapshot({ inForce: inForce('PORT 40000 TCP APP'), kernel: reserve(40_000) }),
    },
    {
      what: 'a range reaches into it',
      fires: snapshot({ inForce: inForce('PORTRANGE 32760 10 UDP APP') }),
      twin: snapshot({ inForce: inForce('PORTRANGE 32760 8 UDP APP') }),
    },
    {
      what: 'a job is to have it, and not nobody',
      fires: snapshot({ inForce: inForce('PORT 40000 TCP APP') }),
      twin: snapshot({ inForce: inForce('PORT 40000 TCP RESERVED') }),
    },
    {
      what: 'another network namespace of the guard has no such list',
      fires: snapshot({ assignable: [{ name: 'web', ports: [40_000], reason: '' }] }),
      twin: snapshot({ assignable: [] }),
    },
    {
      what: 'the list of another network namespace cannot be read',
      fires: snapshot({ assignable: [{ name: 'web', ports: undefined, reason: 'it is closed' }] }),
      twin: snapshot({ assignable: [] }),
    },
  ],
  OPEN_TO_OTHERS: [
    {
      what: 'a port for this host listens for all',
      fires: snapshot({
        sockets: [socket('LISTEN tcp 0.0.0.0:5432', { job: 'POSTGRES' })],
        inForce: inForce('PORT 5432 TCP POSTGRES BIND 127.0.0.1'),
      }),
      twin: snapshot({
        sockets: [socket('LISTEN tcp 127.0.0.1:5432', { job: 'POSTGRES' })],
        inForce: inForce('PORT 5432 TCP POSTGRES BIND 127.0.0.1'),
      }),
    },
    {
      what: 'the address that is meant is of the loopback',
      fires: snapshot({
        sockets: [socket('UNCONNECTED udp [::]:5432', { job: 'POSTGRES' })],
        inForce: inForce('PORT 5432 UDP POSTGRES BIND ::1'),
      }),
      twin: snapshot({
        sockets: [socket('UNCONNECTED udp [::]:5432', { job: 'POSTGRES' })],
        inForce: inForce('PORT 5432 UDP POSTGRES BIND 2001:db8::1'),
      }),
    },
  ],
  RESERVATION_HELD: [
    {
      what: 'a socket of another job listens there',
      fires: snapshot({
        sockets: [socket('LISTEN tcp 0.0.0.0:5432', { job: 'ALICE' })],
        inForce: inForce('PORT 5432 TCP POSTGRES'),
      }),
      twin: snapshot({
        sockets: [socket('LISTEN tcp 0.0.0.0:5432', { job: 'ALICE' })],
        inForce: inForce('PORT 5432 TCP POSTGRES\n 5432 TCP AL*'),
      }),
    },
    {
      what: 'one of two is of another job',
      fires: snapshot({
        sockets: [
          socket('LISTEN tcp 127.0.0.1:5432', { job: 'POSTGRES' }),
          socket('LISTEN tcp [::1]:5432', { job: 'ALICE' }),
        ],
        inForce: inForce('PORT 5432 TCP POSTGRES'),
      }),
      twin: snapshot({
        sockets: [
          socket('LISTEN tcp 127.0.0.1:5432', { job: 'POSTGRES' }),
          socket('UNCONNECTED udp [::1]:5432', { job: 'ALICE' }),
        ],
        inForce: inForce('PORT 5432 TCP POSTGRES'),
      }),
    },
    {
      what: 'it is reserved for no one',
      fires: snapshot({ inForce: inForce('PORT 22 TCP RESERVED') }),
      twin: snapshot({ inForce: inForce('PORT 22 TCP AUTHPORT') }),
    },
    {
      what: 'it is no client of UDP, which is told otherwise',
      fires: snapshot({
        sockets: [socket('UNCONNECTED udp 0.0.0.0:32767', { name: 'dig' })],
        inForce: inForce('PORT 32767 UDP APP'),
      }),
      twin: snapshot({
        sockets: [socket('UNCONNECTED udp 0.0.0.0:32768', { name: 'dig' })],
        inForce: inForce('PORT 32768 UDP APP'),
      }),
    },
  ],
  RESERVATION_UNUSED: [
    {
      what: 'no socket has a reserved port',
      fires: snapshot({ inForce: inForce('PORT 5432 TCP POSTGRES') }),
      twin: snapshot({ inForce: inForce('PORT 22 TCP SSHD') }),
    },
    {
      what: 'none has one of a range',
      fires: snapshot({ inForce: inForce('PORTRANGE 5000 10 TCP APP') }),
      twin: snapshot({
        inForce: inForce('PORTRANGE 5000 10 TCP APP'),
        sockets: [socket('LISTEN tcp 0.0.0.0:5009', {})],
      }),
    },
    {
      what: 'it is for a job',
      fires: snapshot({ inForce: inForce('PORT 5432 UDP POSTGRES') }),
      twin: snapshot({ inForce: inForce('PORT 5432 UDP RESERVED\n 20 TCP AUTHPORT\n 21 TCP INTCLIEN') }),
    },
  ],
  LISTENER_NOT_COVERED: [
    {
      what: 'nothing is reserved where somebody listens',
      fires: snapshot({ inForce: inForce('PORT 23 TCP RESERVED') }),
      twin: snapshot({}),
    },
    {
      what: 'no entry for ports that are not reserved names the job either',
      fires: snapshot({
        inForce: inForce(`${covering()}PORT UNRSV TCP * SAF ANY`),
        sockets: [socket('LISTEN tcp 0.0.0.0:8080', { job: 'APP' })],
      }),
      twin: snapshot({
        inForce: inForce(`${covering()}PORT UNRSV TCP APP`),
        sockets: [socket('LISTEN tcp 0.0.0.0:8080', { job: 'APP' })],
      }),
    },
  ],
  PROFILE_NOT_ENFORCED: [
    {
      what: 'the guard is off',
      fires: snapshot({ inForce: inForce('', { guard: 'off' }) }),
      twin: snapshot({ inForce: inForce('', { guard: 'enforce' }) }),
    },
    {
      what: 'the guard only observes',
      fires: snapshot({ inForce: inForce('', { guard: 'observe' }) }),
      twin: snapshot({ inForce: inForce('', { guard: undefined }) }),
    },
  ],
  INADDRANY_NOT_RESERVED: [
    {
      what: 'there is no profile',
      fires: snapshot({ inaddrAny: inaddrAny(ANY_ADDRESS) }),
      twin: snapshot({}),
    },
    {
      what: 'the ports for any address are not reserved for OMVS',
      fires: snapshot({
        inForce: inForce('PORTRANGE 4000 100 TCP OMVS'),
        inaddrAny: inaddrAny(ANY_ADDRESS),
      }),
      twin: snapshot({
        inForce: inForce('PORTRANGE 4000 100 TCP OMVS 4000 100 UDP OMVS'),
        inaddrAny: inaddrAny(ANY_ADDRESS),
      }),
    },
  ],
  POOL_RESERVED: [
    {
      what: 'Nomad gives out what is reserved',
      fires: snapshot({ pools: [NOMAD], inForce: inForce('PORTRANGE 20100 10 TCP HPSS') }),
      twin: snapshot({ pools: [NOMAD], inForce: inForce('PORTRANGE 20100 10 TCP NOMAD') }),
    },
    {
      what: 'Docker does, and the guard does not make it go on',
      fires: snapshot({ pools: [DOCKER], inForce: inForce('PORT 40000 TCP APP', { guard: 'observe' }) }),
      twin: snapshot({ pools: [DOCKER], inForce: inForce('PORT 40000 TCP APP') }),
    },
  ],
  BINDRESVPORT_STOPPED: [
    {
      what: 'nearly all of its ports are reserved',
      fires: snapshot({ inForce: inForce('PORTRANGE 512 500 TCP APP') }),
      twin: snapshot({ inForce: inForce('PORTRANGE 512 490 TCP APP') }),
    },
    {
      what: 'all of its ports are reserved',
      fires: snapshot({ inForce: inForce('PORTRANGE 512 512 TCP RESERVED') }),
      twin: snapshot({ inForce: inForce('PORTRANGE 1024 512 TCP RESERVED') }),
    },
    {
      what: 'a refusal ends it',
      fires: snapshot({ inForce: inForce('PORT 600 UDP APP', { errnoLow: 'EACCES' }) }),
      twin: snapshot({ inForce: inForce('PORT 600 UDP APP', { errnoLow: 'EADDRINUSE' }) }),
    },
    {
      what: 'they are not reserved for everybody',
      fires: snapshot({ inForce: inForce('PORTRANGE 512 512 UDP APP') }),
      twin: snapshot({ inForce: inForce('PORTRANGE 512 512 UDP OMVS') }),
    },
  ],
} as const satisfies DoctorCases;

/** Reservations for every listener of the plain host. */
function covering(): string {
  const tcp = [22, 53, 25, 631, 111].map((port) => `${port} TCP *`);
  const udp = [53, 111, 68, 323, 5353].map((port) => `${port} UDP *`);
  return `PORT ${[...tcp, ...udp].join('\n ')}\n`;
}
