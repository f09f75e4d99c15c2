/** Scenes of the profile in force, each with a twin that is well. */

import type { DoctorCases } from './cases.ts';
import { DOCKER, inaddrAny, inForce, NOMAD, reserve, scene, socket } from './scenes.ts';

const ANY_ADDRESS = 'NETWORK DOMAINNAME(AF_INET) TYPE(CINET)\n INADDRANYPORT(4000) INADDRANYCOUNT(100)';

export const CASES_OF_PROFILE = {
  RESERVATION_EPHEMERAL: [
    {
      what: 'a reserved port is in the range of clients',
      fires: scene({ inForce: inForce('PORT 40000 TCP APP') }),
      twin: scene({ inForce: inForce('PORT 40000 TCP APP'), kernel: reserve(40_000) }),
    },
    {
      what: 'a range reaches into it',
      fires: scene({ inForce: inForce('PORTRANGE 32760 10 UDP APP') }),
      twin: scene({ inForce: inForce('PORTRANGE 32760 8 UDP APP') }),
    },
    {
      what: 'a job is to have it, and not nobody',
      fires: scene({ inForce: inForce('PORT 40000 TCP APP') }),
      twin: scene({ inForce: inForce('PORT 40000 TCP RESERVED') }),
    },
    {
      what: 'another network namespace of the guard has no such list',
      fires: scene({ assignable: [{ name: 'web', ports: [40_000], reason: '' }] }),
      twin: scene({ assignable: [] }),
    },
    {
      what: 'the list of another network namespace cannot be read',
      fires: scene({ assignable: [{ name: 'web', ports: undefined, reason: 'it is closed' }] }),
      twin: scene({ assignable: [] }),
    },
  ],
  OPEN_TO_OTHERS: [
    {
      what: 'a port for this host listens for all',
      fires: scene({
        sockets: [socket('LISTEN tcp 0.0.0.0:5432', { job: 'POSTGRES' })],
        inForce: inForce('PORT 5432 TCP POSTGRES BIND 127.0.0.1'),
      }),
      twin: scene({
        sockets: [socket('LISTEN tcp 127.0.0.1:5432', { job: 'POSTGRES' })],
        inForce: inForce('PORT 5432 TCP POSTGRES BIND 127.0.0.1'),
      }),
    },
    {
      what: 'the address that is meant is of the loopback',
      fires: scene({
        sockets: [socket('UNCONNECTED udp [::]:5432', { job: 'POSTGRES' })],
        inForce: inForce('PORT 5432 UDP POSTGRES BIND ::1'),
      }),
      twin: scene({
        sockets: [socket('UNCONNECTED udp [::]:5432', { job: 'POSTGRES' })],
        inForce: inForce('PORT 5432 UDP POSTGRES BIND 2001:db8::1'),
      }),
    },
  ],
  RESERVATION_HELD: [
    {
      what: 'a socket of another job listens there',
      fires: scene({
        sockets: [socket('LISTEN tcp 0.0.0.0:5432', { job: 'ALICE' })],
        inForce: inForce('PORT 5432 TCP POSTGRES'),
      }),
      twin: scene({
        sockets: [socket('LISTEN tcp 0.0.0.0:5432', { job: 'ALICE' })],
        inForce: inForce('PORT 5432 TCP POSTGRES\n 5432 TCP AL*'),
      }),
    },
    {
      what: 'one of two is of another job',
      fires: scene({
        sockets: [
          socket('LISTEN tcp 127.0.0.1:5432', { job: 'POSTGRES' }),
          socket('LISTEN tcp [::1]:5432', { job: 'ALICE' }),
        ],
        inForce: inForce('PORT 5432 TCP POSTGRES'),
      }),
      twin: scene({
        sockets: [
          socket('LISTEN tcp 127.0.0.1:5432', { job: 'POSTGRES' }),
          socket('UNCONNECTED udp [::1]:5432', { job: 'ALICE' }),
        ],
        inForce: inForce('PORT 5432 TCP POSTGRES'),
      }),
    },
    {
      what: 'it is reserved for no one',
      fires: scene({ inForce: inForce('PORT 22 TCP RESERVED') }),
      twin: scene({ inForce: inForce('PORT 22 TCP AUTHPORT') }),
    },
    {
      what: 'it is no client of UDP, which is told otherwise',
      fires: scene({
        sockets: [socket('UNCONNECTED udp 0.0.0.0:32767', { name: 'dig' })],
        inForce: inForce('PORT 32767 UDP APP'),
      }),
      twin: scene({
        sockets: [socket('UNCONNECTED udp 0.0.0.0:32768', { name: 'dig' })],
        inForce: inForce('PORT 32768 UDP APP'),
      }),
    },
  ],
  RESERVATION_UNUSED: [
    {
      what: 'no socket has a reserved port',
      fires: scene({ inForce: inForce('PORT 5432 TCP POSTGRES') }),
      twin: scene({ inForce: inForce('PORT 22 TCP SSHD') }),
    },
    {
      what: 'none has one of a range',
      fires: scene({ inForce: inForce('PORTRANGE 5000 10 TCP APP') }),
      twin: scene({
        inForce: inForce('PORTRANGE 5000 10 TCP APP'),
        sockets: [socket('LISTEN tcp 0.0.0.0:5009', {})],
      }),
    },
    {
      what: 'it is for a job',
      fires: scene({ inForce: inForce('PORT 5432 UDP POSTGRES') }),
      twin: scene({ inForce: inForce('PORT 5432 UDP RESERVED\n 20 TCP AUTHPORT\n 21 TCP INTCLIEN') }),
    },
  ],
  LISTENER_NOT_COVERED: [
    {
      what: 'nothing is reserved where somebody listens',
      fires: scene({ inForce: inForce('PORT 23 TCP RESERVED') }),
      twin: scene({}),
    },
    {
      what: 'no entry for ports that are not reserved names the job either',
      fires: scene({
        inForce: inForce(`${covering()}PORT UNRSV TCP * SAF ANY`),
        sockets: [socket('LISTEN tcp 0.0.0.0:8080', { job: 'APP' })],
      }),
      twin: scene({
        inForce: inForce(`${covering()}PORT UNRSV TCP APP`),
        sockets: [socket('LISTEN tcp 0.0.0.0:8080', { job: 'APP' })],
      }),
    },
  ],
  PROFILE_NOT_ENFORCED: [
    {
      what: 'the guard is off',
      fires: scene({ inForce: inForce('', { guard: 'off' }) }),
      twin: scene({ inForce: inForce('', { guard: 'enforce' }) }),
    },
    {
      what: 'the guard only observes',
      fires: scene({ inForce: inForce('', { guard: 'observe' }) }),
      twin: scene({ inForce: inForce('', { guard: undefined }) }),
    },
  ],
  INADDRANY_NOT_RESERVED: [
    {
      what: 'there is no profile',
      fires: scene({ inaddrAny: inaddrAny(ANY_ADDRESS) }),
      twin: scene({}),
    },
    {
      what: 'the ports for any address are not reserved for OMVS',
      fires: scene({
        inForce: inForce('PORTRANGE 4000 100 TCP OMVS'),
        inaddrAny: inaddrAny(ANY_ADDRESS),
      }),
      twin: scene({
        inForce: inForce('PORTRANGE 4000 100 TCP OMVS 4000 100 UDP OMVS'),
        inaddrAny: inaddrAny(ANY_ADDRESS),
      }),
    },
  ],
  POOL_RESERVED: [
    {
      what: 'Nomad gives out what is reserved',
      fires: scene({ pools: [NOMAD], inForce: inForce('PORTRANGE 20100 10 TCP HPSS') }),
      twin: scene({ pools: [NOMAD], inForce: inForce('PORTRANGE 20100 10 TCP NOMAD') }),
    },
    {
      what: 'Docker does, and the guard does not make it go on',
      fires: scene({ pools: [DOCKER], inForce: inForce('PORT 40000 TCP APP', { guard: 'observe' }) }),
      twin: scene({ pools: [DOCKER], inForce: inForce('PORT 40000 TCP APP') }),
    },
  ],
  BINDRESVPORT_STOPPED: [
    {
      what: 'nearly all of its ports are reserved',
      fires: scene({ inForce: inForce('PORTRANGE 512 500 TCP APP') }),
      twin: scene({ inForce: inForce('PORTRANGE 512 490 TCP APP') }),
    },
    {
      what: 'all of its ports are reserved',
      fires: scene({ inForce: inForce('PORTRANGE 512 512 TCP RESERVED') }),
      twin: scene({ inForce: inForce('PORTRANGE 1024 512 TCP RESERVED') }),
    },
    {
      what: 'a refusal ends it',
      fires: scene({ inForce: inForce('PORT 600 UDP APP', { errnoLow: 'EACCES' }) }),
      twin: scene({ inForce: inForce('PORT 600 UDP APP', { errnoLow: 'EADDRINUSE' }) }),
    },
    {
      what: 'they are not reserved for everybody',
      fires: scene({ inForce: inForce('PORTRANGE 512 512 UDP APP') }),
      twin: scene({ inForce: inForce('PORTRANGE 512 512 UDP OMVS') }),
    },
  ],
} as const satisfies DoctorCases;

/** Reservations for every listener of the plain host. */
function covering(): string {
  const tcp = [22, 53, 25, 631, 111].map((port) => `${port} TCP *`);
  const udp = [53, 111, 68, 323, 5353].map((port) => `${port} UDP *`);
  return `PORT ${[...tcp, ...udp].join('\n ')}\n`;
}
