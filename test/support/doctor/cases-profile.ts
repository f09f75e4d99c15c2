/** Test cases of the checks of the profile in force. */

import type { DoctorCases } from './cases.ts';
import { DOCKER, inaddrAny, inForce, NOMAD, reserve, snapshot, socket } from './snapshots.ts';

const ANY_ADDRESS = 'NETWORK DOMAINNAME(AF_INET) TYPE(CINET)\n INADDRANYPORT(4000) INADDRANYCOUNT(100)';

export const CASES_OF_PROFILE = {
  RESERVATION_EPHEMERAL: [
    {
      when: 'a reserved port is in the ephemeral range',
      faulty: snapshot({ inForce: inForce('PORT 40000 TCP APP') }),
      clean: snapshot({ inForce: inForce('PORT 40000 TCP APP'), kernel: reserve(40_000) }),
    },
    {
      when: 'a reserved range overlaps the ephemeral range',
      faulty: snapshot({ inForce: inForce('PORTRANGE 32760 10 UDP APP') }),
      clean: snapshot({ inForce: inForce('PORTRANGE 32760 8 UDP APP') }),
    },
    {
      when: 'it is reserved for a job, not for no one',
      faulty: snapshot({ inForce: inForce('PORT 40000 TCP APP') }),
      clean: snapshot({ inForce: inForce('PORT 40000 TCP RESERVED') }),
    },
    {
      when: 'another network namespace of the guard does not reserve the port',
      faulty: snapshot({ assignable: [{ name: 'web', ports: [40_000], reason: '' }] }),
      clean: snapshot({ assignable: [] }),
    },
    {
      when: 'the list of another network namespace cannot be read',
      faulty: snapshot({ assignable: [{ name: 'web', ports: undefined, reason: 'it is closed' }] }),
      clean: snapshot({ assignable: [] }),
    },
  ],
  OPEN_TO_OTHERS: [
    {
      when: 'a port restricted to the loopback listens on all addresses',
      faulty: snapshot({
        sockets: [socket('LISTEN tcp 0.0.0.0:5432', { job: 'POSTGRES' })],
        inForce: inForce('PORT 5432 TCP POSTGRES BIND 127.0.0.1'),
      }),
      clean: snapshot({
        sockets: [socket('LISTEN tcp 127.0.0.1:5432', { job: 'POSTGRES' })],
        inForce: inForce('PORT 5432 TCP POSTGRES BIND 127.0.0.1'),
      }),
    },
    {
      when: 'the address of the reservation is a loopback address',
      faulty: snapshot({
        sockets: [socket('UNCONNECTED udp [::]:5432', { job: 'POSTGRES' })],
        inForce: inForce('PORT 5432 UDP POSTGRES BIND ::1'),
      }),
      clean: snapshot({
        sockets: [socket('UNCONNECTED udp [::]:5432', { job: 'POSTGRES' })],
        inForce: inForce('PORT 5432 UDP POSTGRES BIND 2001:db8::1'),
      }),
    },
  ],
  RESERVATION_HELD: [
    {
      when: 'a socket of another job listens on it',
      faulty: snapshot({
        sockets: [socket('LISTEN tcp 0.0.0.0:5432', { job: 'ALICE' })],
        inForce: inForce('PORT 5432 TCP POSTGRES'),
      }),
      clean: snapshot({
        sockets: [socket('LISTEN tcp 0.0.0.0:5432', { job: 'ALICE' })],
        inForce: inForce('PORT 5432 TCP POSTGRES\n 5432 TCP AL*'),
      }),
    },
    {
      when: 'one of two sockets belongs to another job',
      faulty: snapshot({
        sockets: [
          socket('LISTEN tcp 127.0.0.1:5432', { job: 'POSTGRES' }),
          socket('LISTEN tcp [::1]:5432', { job: 'ALICE' }),
        ],
        inForce: inForce('PORT 5432 TCP POSTGRES'),
      }),
      clean: snapshot({
        sockets: [
          socket('LISTEN tcp 127.0.0.1:5432', { job: 'POSTGRES' }),
          socket('UNCONNECTED udp [::1]:5432', { job: 'ALICE' }),
        ],
        inForce: inForce('PORT 5432 TCP POSTGRES'),
      }),
    },
    {
      when: 'it is reserved for no one',
      faulty: snapshot({ inForce: inForce('PORT 22 TCP RESERVED') }),
      clean: snapshot({ inForce: inForce('PORT 22 TCP AUTHPORT') }),
    },
    {
      when: 'it is not a UDP client, which another check reports',
      faulty: snapshot({
        sockets: [socket('UNCONNECTED udp 0.0.0.0:32767', { name: 'dig' })],
        inForce: inForce('PORT 32767 UDP APP'),
      }),
      clean: snapshot({
        sockets: [socket('UNCONNECTED udp 0.0.0.0:32768', { name: 'dig' })],
        inForce: inForce('PORT 32768 UDP APP'),
      }),
    },
  ],
  RESERVATION_UNUSED: [
    {
      when: 'a reserved port is not in use',
      faulty: snapshot({ inForce: inForce('PORT 5432 TCP POSTGRES') }),
      clean: snapshot({ inForce: inForce('PORT 22 TCP SSHD') }),
    },
    {
      when: 'no port of a range is in use',
      faulty: snapshot({ inForce: inForce('PORTRANGE 5000 10 TCP APP') }),
      clean: snapshot({
        inForce: inForce('PORTRANGE 5000 10 TCP APP'),
        sockets: [socket('LISTEN tcp 0.0.0.0:5009', {})],
      }),
    },
    {
      when: 'it is reserved for a job',
      faulty: snapshot({ inForce: inForce('PORT 5432 UDP POSTGRES') }),
      clean: snapshot({ inForce: inForce('PORT 5432 UDP RESERVED\n 20 TCP AUTHPORT\n 21 TCP INTCLIEN') }),
    },
  ],
  LISTENER_NOT_COVERED: [
    {
      when: 'the port of a listener is not reserved',
      faulty: snapshot({ inForce: inForce('PORT 23 TCP RESERVED') }),
      clean: snapshot({}),
    },
    {
      when: 'no PORT UNRSV entry names the job either',
      faulty: snapshot({
        inForce: inForce(`${covering()}PORT UNRSV TCP * SAF ANY`),
        sockets: [socket('LISTEN tcp 0.0.0.0:8080', { job: 'APP' })],
      }),
      clean: snapshot({
        inForce: inForce(`${covering()}PORT UNRSV TCP APP`),
        sockets: [socket('LISTEN tcp 0.0.0.0:8080', { job: 'APP' })],
      }),
    },
  ],
  PROFILE_NOT_ENFORCED: [
    {
      when: 'the guard is off',
      faulty: snapshot({ inForce: inForce('', { guard: 'off' }) }),
      clean: snapshot({ inForce: inForce('', { guard: 'enforce' }) }),
    },
    {
      when: 'the guard only observes',
      faulty: snapshot({ inForce: inForce('', { guard: 'observe' }) }),
      clean: snapshot({ inForce: inForce('', { guard: undefined }) }),
    },
  ],
  INADDRANY_NOT_RESERVED: [
    {
      when: 'there is no profile',
      faulty: snapshot({ inaddrAny: inaddrAny(ANY_ADDRESS) }),
      clean: snapshot({}),
    },
    {
      when: 'the INADDRANY ports are not reserved for OMVS',
      faulty: snapshot({
        inForce: inForce('PORTRANGE 4000 100 TCP OMVS'),
        inaddrAny: inaddrAny(ANY_ADDRESS),
      }),
      clean: snapshot({
        inForce: inForce('PORTRANGE 4000 100 TCP OMVS 4000 100 UDP OMVS'),
        inaddrAny: inaddrAny(ANY_ADDRESS),
      }),
    },
  ],
  POOL_RESERVED: [
    {
      when: 'the range of Nomad contains reserved ports',
      faulty: snapshot({ programRanges: [NOMAD], inForce: inForce('PORTRANGE 20100 10 TCP HPSS') }),
      clean: snapshot({ programRanges: [NOMAD], inForce: inForce('PORTRANGE 20100 10 TCP NOMAD') }),
    },
    {
      when: 'the range of Docker does, and the guard does not enforce the profile',
      faulty: snapshot({
        programRanges: [DOCKER],
        inForce: inForce('PORT 40000 TCP APP', { guard: 'observe' }),
      }),
      clean: snapshot({ programRanges: [DOCKER], inForce: inForce('PORT 40000 TCP APP') }),
    },
  ],
  BINDRESVPORT_STOPPED: [
    {
      when: 'nearly all of its ports are reserved',
      faulty: snapshot({ inForce: inForce('PORTRANGE 512 500 TCP APP') }),
      clean: snapshot({ inForce: inForce('PORTRANGE 512 490 TCP APP') }),
    },
    {
      when: 'all of its ports are reserved',
      faulty: snapshot({ inForce: inForce('PORTRANGE 512 512 TCP RESERVED') }),
      clean: snapshot({ inForce: inForce('PORTRANGE 1024 512 TCP RESERVED') }),
    },
    {
      when: 'a refusal ends it',
      faulty: snapshot({ inForce: inForce('PORT 600 UDP APP', { errnoLow: 'EACCES' }) }),
      clean: snapshot({ inForce: inForce('PORT 600 UDP APP', { errnoLow: 'EADDRINUSE' }) }),
    },
    {
      when: 'the ports are not reserved for every job',
      faulty: snapshot({ inForce: inForce('PORTRANGE 512 512 UDP APP') }),
      clean: snapshot({ inForce: inForce('PORTRANGE 512 512 UDP OMVS') }),
    },
  ],
} as const satisfies DoctorCases;

/** Reservations for every listener of the plain host. */
function covering(): string {
  const tcp = [22, 53, 25, 631, 111].map((port) => `${port} TCP *`);
  const udp = [53, 111, 68, 323, 5353].map((port) => `${port} UDP *`);
  return `PORT ${[...tcp, ...udp].join('\n ')}\n`;
}
