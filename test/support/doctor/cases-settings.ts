/** Scenes of low ports, pools, /etc/services and the settings of the kernel, each with a twin that is well. */

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
      what: 'an ordinary user listens below 1024',
      fires: snapshot({ sockets: [socket('LISTEN tcp 0.0.0.0:80', { uid: 1000, job: 'ALICE' })] }),
      twin: snapshot({ sockets: [socket('LISTEN tcp 0.0.0.0:80', { uid: 999, job: 'WWW' })] }),
    },
    {
      what: 'the profile does not let him',
      fires: snapshot({
        sockets: [socket('LISTEN tcp 0.0.0.0:80', { uid: 1000, job: 'ALICE' })],
        inForce: inForce('PORT 80 TCP BOB'),
      }),
      twin: snapshot({
        sockets: [socket('LISTEN tcp 0.0.0.0:80', { uid: 1000, job: 'ALICE' })],
        inForce: inForce('PORT 80 TCP BOB\n 80 TCP ALICE'),
      }),
    },
    {
      what: 'it is not nobody, and a port below 1024',
      fires: snapshot({ sockets: [socket('UNCONNECTED udp [::]:1023', { uid: 65_535, job: 'X' })] }),
      twin: snapshot({
        sockets: [
          socket('UNCONNECTED udp [::]:1023', { uid: 65_534, job: 'NOBODY' }),
          socket('UNCONNECTED udp [::]:1024', { uid: 1000, job: 'X' }),
        ],
      }),
    },
  ],
  LOW_PORTS_OPEN: [
    {
      what: 'binding a low port takes no privilege',
      fires: snapshot({ kernel: kernel({ unprivilegedStart: 0 }) }),
      twin: snapshot({ kernel: kernel({ unprivilegedStart: 1024 }) }),
    },
    {
      what: 'it takes none, and somebody trusts them',
      fires: snapshot({ kernel: kernel({ unprivilegedStart: 0 }), trusts: [EXPORT] }),
      twin: snapshot({ trusts: [EXPORT] }),
    },
    {
      what: 'it takes none for a part of them',
      fires: snapshot({ kernel: kernel({ unprivilegedStart: 1023 }) }),
      twin: snapshot({ kernel: kernel({ unprivilegedStart: 2000 }) }),
    },
  ],
  LOW_PORT_TRUSTED: [
    {
      what: 'somebody is let in for his low port',
      fires: snapshot({ trusts: [EXPORT] }),
      twin: snapshot({}),
    },
    {
      what: 'rlogind lets in hosts that are trusted',
      fires: snapshot({
        trusts: [{ kind: 'rhosts', place: '/etc/hosts.equiv:1', what: '+ is let in', isServed: true }],
      }),
      twin: snapshot({}),
    },
  ],
  POOLS_OVERLAP: [
    {
      what: 'Nomad and Kubernetes have ports in common',
      fires: snapshot({ pools: [NOMAD, NODEPORT] }),
      twin: snapshot({ pools: [{ ...NOMAD, last: 29_999 }, NODEPORT] }),
    },
    {
      what: 'the ranges belong to two programs',
      fires: snapshot({ pools: [NOMAD, { ...DOCKER, ...range(25_000, 26_000) }] }),
      twin: snapshot({ pools: [NOMAD, { ...NOMAD, ...range(25_000, 26_000) }] }),
    },
  ],
  POOL_EPHEMERAL: [
    {
      what: 'NodePorts reach into the range of clients',
      fires: snapshot({ pools: [{ ...NODEPORT, last: 32_768 }] }),
      twin: snapshot({ pools: [NODEPORT] }),
    },
    {
      what: 'nobody holds them when they are chosen',
      fires: snapshot({ pools: [{ ...DOCKER, isHeld: false }] }),
      twin: snapshot({ pools: [DOCKER] }),
    },
    {
      what: 'they are not reserved',
      fires: snapshot({ pools: [{ ...NODEPORT, last: 33_000 }], kernel: reserve(32_768, 32_999) }),
      twin: snapshot({ pools: [{ ...NODEPORT, last: 33_000 }], kernel: reserve(32_768, 33_000) }),
    },
  ],
  SERVICES_DISAGREE: [
    {
      what: 'an entry of this host has the port of another service',
      fires: snapshot({ services: servicesOf('app 8080/tcp\n') }),
      twin: snapshot({ services: servicesOf('HTTP_alt 8080/tcp\napp 8081/tcp\n') }),
    },
    {
      what: 'an entry of the system does, and somebody listens there',
      fires: snapshot({ ianaNames: ndmp, sockets: [socket('LISTEN tcp 0.0.0.0:10000', {})] }),
      twin: snapshot({ ianaNames: ndmp }),
    },
    {
      what: 'the name is not another spelling of the same',
      fires: snapshot({ ianaNames: ndmp, inForce: inForce('PORT 10000 TCP WEBMIN') }),
      twin: snapshot({
        ianaNames: (port) => (port === 10_000 ? ['web-min'] : []),
        inForce: inForce('PORT 10000 TCP WEBMIN'),
      }),
    },
  ],
  SERVICES_RESERVE_NOTHING: [
    {
      what: 'an entry names a port in the range of clients',
      fires: snapshot({ services: servicesOf('app 40000/tcp\n') }),
      twin: snapshot({ services: servicesOf('app 4000/tcp\n') }),
    },
    {
      what: 'the port is not reserved',
      fires: snapshot({ services: servicesOf('app 40000/udp\n'), kernel: reserve(40_001) }),
      twin: snapshot({ services: servicesOf('app 40000/udp\n'), kernel: reserve(40_000) }),
    },
    {
      what: 'it is below the mark behind which this host has its own',
      fires: snapshot({ services: servicesOf('app 8080/tcp\n'), kernel: WIDE }),
      twin: snapshot({ kernel: WIDE }),
    },
    {
      what: 'without that mark IANA does not have it as well',
      fires: snapshot({ services: unmarked('app 40000/tcp\n'), ianaNames: () => ['other'] }),
      twin: snapshot({ services: unmarked('app 40000/tcp\n'), ianaNames: () => ['app'] }),
    },
    {
      what: 'without that mark no system has it',
      fires: snapshot({ services: unmarked('mrt 50001/tcp\n') }),
      twin: snapshot({ services: unmarked('mrt 50000/tcp\npmcdproxy 44322/udp\n') }),
    },
    {
      what: 'without that mark it is where systems have none',
      fires: snapshot({ services: unmarked('app 32768/tcp\n'), kernel: WIDE }),
      twin: snapshot({ services: unmarked('app 32767/tcp\n'), kernel: WIDE }),
    },
  ],
  SETTING_NOT_KEPT: [
    {
      what: 'the range is another one after a boot',
      fires: snapshot({ kernel: kernel({ ephemeral: range(20_000, 30_000) }) }),
      twin: snapshot({
        kernel: kernel({ ephemeral: range(20_000, 30_000) }),
        boot: {
          ephemeral: { value: range(20_000, 30_000), place: '/etc/sysctl.d/a.conf:1' },
          reserved: undefined,
          unprivilegedStart: undefined,
        },
      }),
    },
    {
      what: 'a reserved port is missing in the files',
      fires: snapshot({
        kernel: reserve(8080, 8082),
        boot: {
          ephemeral: undefined,
          reserved: { value: [range(8080, 8081)], place: '/etc/sysctl.d/a.conf:1' },
          unprivilegedStart: undefined,
        },
      }),
      twin: snapshot({
        kernel: reserve(8080, 8082),
        boot: {
          ephemeral: undefined,
          reserved: { value: [range(8000, 9000)], place: '/etc/sysctl.d/a.conf:1' },
          unprivilegedStart: undefined,
        },
      }),
    },
    {
      what: 'no file has the list',
      fires: snapshot({ kernel: reserve(8080) }),
      twin: snapshot({ kernel: kernel({ reserved: [] }) }),
    },
    {
      what: 'the guard does not put it there again',
      fires: snapshot({ kernel: reserve(40_000), inForce: inForce('PORT 40000 TCP APP', { guard: 'off' }) }),
      twin: snapshot({ kernel: reserve(40_000), inForce: inForce('PORT 40000 TCP APP') }),
    },
  ],
} as const satisfies DoctorCases;
