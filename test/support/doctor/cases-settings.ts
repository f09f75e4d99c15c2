/** Test cases of the checks of low ports, program ranges, /etc/services and kernel settings. */

import type { DoctorCases } from './cases.ts';
import {
  DOCKER,
  inForce,
  kernel,
  NODEPORT,
  NOMAD,
  range,
  reserve,
  servicesOf,
  snapshot,
  socket,
  unmarked,
} from './snapshots.ts';

const EXPORT = {
  kind: 'nfs',
  place: '/etc/exports:1',
  what: '/srv is exported to *',
  isServed: true,
} as const;

const WIDE = kernel({ ephemeral: range(1024, 65_535) });
const ndmp = (port: number) => (port === 10_000 ? ['ndmp'] : []);

export const CASES_OF_SETTINGS = {
  LOW_PORT_UNPRIVILEGED: [
    {
      when: 'an ordinary user listens below 1024',
      faulty: snapshot({ sockets: [socket('LISTEN tcp 0.0.0.0:80', { uid: 1000, job: 'ALICE' })] }),
      clean: snapshot({ sockets: [socket('LISTEN tcp 0.0.0.0:80', { uid: 999, job: 'WWW' })] }),
    },
    {
      when: 'the profile does not permit the job',
      faulty: snapshot({
        sockets: [socket('LISTEN tcp 0.0.0.0:80', { uid: 1000, job: 'ALICE' })],
        inForce: inForce('PORT 80 TCP BOB'),
      }),
      clean: snapshot({
        sockets: [socket('LISTEN tcp 0.0.0.0:80', { uid: 1000, job: 'ALICE' })],
        inForce: inForce('PORT 80 TCP BOB\n 80 TCP ALICE'),
      }),
    },
    {
      when: 'the user is not nobody, and the port is below 1024',
      faulty: snapshot({ sockets: [socket('UNCONNECTED udp [::]:1023', { uid: 65_535, job: 'X' })] }),
      clean: snapshot({
        sockets: [
          socket('UNCONNECTED udp [::]:1023', { uid: 65_534, job: 'NOBODY' }),
          socket('UNCONNECTED udp [::]:1024', { uid: 1000, job: 'X' }),
        ],
      }),
    },
  ],
  LOW_PORTS_OPEN: [
    {
      when: 'binding a low port requires no privilege',
      faulty: snapshot({ kernel: kernel({ unprivilegedStart: 0 }) }),
      clean: snapshot({ kernel: kernel({ unprivilegedStart: 1024 }) }),
    },
    {
      when: 'binding a low port requires no privilege, and a service trusts low ports',
      faulty: snapshot({ kernel: kernel({ unprivilegedStart: 0 }), trusts: [EXPORT] }),
      clean: snapshot({ trusts: [EXPORT] }),
    },
    {
      when: 'binding some low ports requires no privilege',
      faulty: snapshot({ kernel: kernel({ unprivilegedStart: 1023 }) }),
      clean: snapshot({ kernel: kernel({ unprivilegedStart: 2000 }) }),
    },
  ],
  LOW_PORT_TRUSTED: [
    {
      when: 'a service grants access by a low source port',
      faulty: snapshot({ trusts: [EXPORT] }),
      clean: snapshot({}),
    },
    {
      when: 'rlogind admits trusted hosts',
      faulty: snapshot({
        trusts: [
          { kind: 'rhosts', place: '/etc/hosts.equiv:1', what: 'any host is admitted', isServed: true },
        ],
      }),
      clean: snapshot({}),
    },
  ],
  POOLS_OVERLAP: [
    {
      when: 'the ranges of Nomad and Kubernetes overlap',
      faulty: snapshot({ programRanges: [NOMAD, NODEPORT] }),
      clean: snapshot({ programRanges: [{ ...NOMAD, last: 29_999 }, NODEPORT] }),
    },
    {
      when: 'the ranges belong to two programs',
      faulty: snapshot({ programRanges: [NOMAD, { ...DOCKER, ...range(25_000, 26_000) }] }),
      clean: snapshot({ programRanges: [NOMAD, { ...NOMAD, ...range(25_000, 26_000) }] }),
    },
  ],
  POOL_EPHEMERAL: [
    {
      when: 'the NodePorts overlap the ephemeral range',
      faulty: snapshot({ programRanges: [{ ...NODEPORT, last: 32_768 }] }),
      clean: snapshot({ programRanges: [NODEPORT] }),
    },
    {
      when: 'the program does not bind the ports that it chooses',
      faulty: snapshot({ programRanges: [{ ...DOCKER, isHeld: false }] }),
      clean: snapshot({ programRanges: [DOCKER] }),
    },
    {
      when: 'the ports are not reserved',
      faulty: snapshot({ programRanges: [{ ...NODEPORT, last: 33_000 }], kernel: reserve(32_768, 32_999) }),
      clean: snapshot({ programRanges: [{ ...NODEPORT, last: 33_000 }], kernel: reserve(32_768, 33_000) }),
    },
  ],
  SERVICES_DISAGREE: [
    {
      when: 'a local entry has the port of another service',
      faulty: snapshot({ services: servicesOf('app 8080/tcp\n') }),
      clean: snapshot({ services: servicesOf('HTTP_alt 8080/tcp\napp 8081/tcp\n') }),
    },
    {
      when: 'an entry of the distribution does, and a socket listens on the port',
      faulty: snapshot({ ianaNames: ndmp, sockets: [socket('LISTEN tcp 0.0.0.0:10000', {})] }),
      clean: snapshot({ ianaNames: ndmp }),
    },
    {
      when: 'the name is not another spelling of the same name',
      faulty: snapshot({ ianaNames: ndmp, inForce: inForce('PORT 10000 TCP WEBMIN') }),
      clean: snapshot({
        ianaNames: (port) => (port === 10_000 ? ['web-min'] : []),
        inForce: inForce('PORT 10000 TCP WEBMIN'),
      }),
    },
  ],
  SERVICES_RESERVE_NOTHING: [
    {
      when: 'the port of an entry is in the ephemeral range',
      faulty: snapshot({ services: servicesOf('app 40000/tcp\n') }),
      clean: snapshot({ services: servicesOf('app 4000/tcp\n') }),
    },
    {
      when: 'the port is not reserved',
      faulty: snapshot({ services: servicesOf('app 40000/udp\n'), kernel: reserve(40_001) }),
      clean: snapshot({ services: servicesOf('app 40000/udp\n'), kernel: reserve(40_000) }),
    },
    {
      when: 'the entry is after the line "# Local services"',
      faulty: snapshot({ services: servicesOf('app 8080/tcp\n'), kernel: WIDE }),
      clean: snapshot({ kernel: WIDE }),
    },
    {
      when: 'without that line, IANA does not have the entry',
      faulty: snapshot({ services: unmarked('app 40000/tcp\n'), ianaNames: () => ['other'] }),
      clean: snapshot({ services: unmarked('app 40000/tcp\n'), ianaNames: () => ['app'] }),
    },
    {
      when: 'without that line, no distribution has the entry',
      faulty: snapshot({ services: unmarked('mrt 50001/tcp\n') }),
      clean: snapshot({ services: unmarked('mrt 50000/tcp\npmcdproxy 44322/udp\n') }),
    },
    {
      when: 'without that line, the port is above those of distributions',
      faulty: snapshot({ services: unmarked('app 32768/tcp\n'), kernel: WIDE }),
      clean: snapshot({ services: unmarked('app 32767/tcp\n'), kernel: WIDE }),
    },
  ],
  SETTING_NOT_KEPT: [
    {
      when: 'the range will be different after a boot',
      faulty: snapshot({ kernel: kernel({ ephemeral: range(20_000, 30_000) }) }),
      clean: snapshot({
        kernel: kernel({ ephemeral: range(20_000, 30_000) }),
        boot: {
          ephemeral: { value: range(20_000, 30_000), place: '/etc/sysctl.d/a.conf:1' },
          reserved: undefined,
          unprivilegedStart: undefined,
        },
      }),
    },
    {
      when: 'a reserved port is missing in the files',
      faulty: snapshot({
        kernel: reserve(8080, 8082),
        boot: {
          ephemeral: undefined,
          reserved: { value: [range(8080, 8081)], place: '/etc/sysctl.d/a.conf:1' },
          unprivilegedStart: undefined,
        },
      }),
      clean: snapshot({
        kernel: reserve(8080, 8082),
        boot: {
          ephemeral: undefined,
          reserved: { value: [range(8000, 9000)], place: '/etc/sysctl.d/a.conf:1' },
          unprivilegedStart: undefined,
        },
      }),
    },
    {
      when: 'no file sets the list',
      faulty: snapshot({ kernel: reserve(8080) }),
      clean: snapshot({ kernel: kernel({ reserved: [] }) }),
    },
    {
      when: 'the guard does not reserve it again',
      faulty: snapshot({ kernel: reserve(40_000), inForce: inForce('PORT 40000 TCP APP', { guard: 'off' }) }),
      clean: snapshot({ kernel: reserve(40_000), inForce: inForce('PORT 40000 TCP APP') }),
    },
  ],
} as const satisfies DoctorCases;
