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
  scene,
  servicesOf,
  socket,
  unmarked,
} from './scenes.ts';

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
      fires: scene({ sockets: [socket('LISTEN tcp 0.0.0.0:80', { uid: 1000, job: 'ALICE' })] }),
      twin: scene({ sockets: [socket('LISTEN tcp 0.0.0.0:80', { uid: 999, job: 'WWW' })] }),
    },
    {
      what: 'the profile does not let him',
      fires: scene({
        sockets: [socket('LISTEN tcp 0.0.0.0:80', { uid: 1000, job: 'ALICE' })],
        inForce: inForce('PORT 80 TCP BOB'),
      }),
      twin: scene({
        sockets: [socket('LISTEN tcp 0.0.0.0:80', { uid: 1000, job: 'ALICE' })],
        inForce: inForce('PORT 80 TCP BOB\n 80 TCP ALICE'),
      }),
    },
    {
      what: 'it is not nobody, and a port below 1024',
      fires: scene({ sockets: [socket('UNCONNECTED udp [::]:1023', { uid: 65_535, job: 'X' })] }),
      twin: scene({
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
      fires: scene({ kernel: kernel({ unprivilegedStart: 0 }) }),
      twin: scene({ kernel: kernel({ unprivilegedStart: 1024 }) }),
    },
    {
      what: 'it takes none, and somebody trusts them',
      fires: scene({ kernel: kernel({ unprivilegedStart: 0 }), trusts: [EXPORT] }),
      twin: scene({ trusts: [EXPORT] }),
    },
    {
      what: 'it takes none for a part of them',
      fires: scene({ kernel: kernel({ unprivilegedStart: 1023 }) }),
      twin: scene({ kernel: kernel({ unprivilegedStart: 2000 }) }),
    },
  ],
  LOW_PORT_TRUSTED: [
    {
      what: 'somebody is let in for his low port',
      fires: scene({ trusts: [EXPORT] }),
      twin: scene({}),
    },
    {
      what: 'rlogind lets in hosts that are trusted',
      fires: scene({
        trusts: [{ kind: 'rhosts', place: '/etc/hosts.equiv:1', what: '+ is let in', isServed: true }],
      }),
      twin: scene({}),
    },
  ],
  POOLS_OVERLAP: [
    {
      what: 'Nomad and Kubernetes have ports in common',
      fires: scene({ pools: [NOMAD, NODEPORT] }),
      twin: scene({ pools: [{ ...NOMAD, last: 29_999 }, NODEPORT] }),
    },
    {
      what: 'the ranges belong to two programs',
      fires: scene({ pools: [NOMAD, { ...DOCKER, ...range(25_000, 26_000) }] }),
      twin: scene({ pools: [NOMAD, { ...NOMAD, ...range(25_000, 26_000) }] }),
    },
  ],
  POOL_EPHEMERAL: [
    {
      what: 'NodePorts reach into the range of clients',
      fires: scene({ pools: [{ ...NODEPORT, last: 32_768 }] }),
      twin: scene({ pools: [NODEPORT] }),
    },
    {
      what: 'nobody holds them when they are chosen',
      fires: scene({ pools: [{ ...DOCKER, isHeld: false }] }),
      twin: scene({ pools: [DOCKER] }),
    },
    {
      what: 'they are not reserved',
      fires: scene({ pools: [{ ...NODEPORT, last: 33_000 }], kernel: reserve(32_768, 32_999) }),
      twin: scene({ pools: [{ ...NODEPORT, last: 33_000 }], kernel: reserve(32_768, 33_000) }),
    },
  ],
  SERVICES_DISAGREE: [
    {
      what: 'an entry of this host has the port of another service',
      fires: scene({ services: servicesOf('app 8080/tcp\n') }),
      twin: scene({ services: servicesOf('HTTP_alt 8080/tcp\napp 8081/tcp\n') }),
    },
    {
      what: 'an entry of the system does, and somebody listens there',
      fires: scene({ ianaNames: ndmp, sockets: [socket('LISTEN tcp 0.0.0.0:10000', {})] }),
      twin: scene({ ianaNames: ndmp }),
    },
    {
      what: 'the name is not another spelling of the same',
      fires: scene({ ianaNames: ndmp, inForce: inForce('PORT 10000 TCP WEBMIN') }),
      twin: scene({
        ianaNames: (port) => (port === 10_000 ? ['web-min'] : []),
        inForce: inForce('PORT 10000 TCP WEBMIN'),
      }),
    },
  ],
  SERVICES_RESERVE_NOTHING: [
    {
      what: 'an entry names a port in the range of clients',
      fires: scene({ services: servicesOf('app 40000/tcp\n') }),
      twin: scene({ services: servicesOf('app 4000/tcp\n') }),
    },
    {
      what: 'the port is not reserved',
      fires: scene({ services: servicesOf('app 40000/udp\n'), kernel: reserve(40_001) }),
      twin: scene({ services: servicesOf('app 40000/udp\n'), kernel: reserve(40_000) }),
    },
    {
      what: 'it is below the mark behind which this host has its own',
      fires: scene({ services: servicesOf('app 8080/tcp\n'), kernel: WIDE }),
      twin: scene({ kernel: WIDE }),
    },
    {
      what: 'without that mark IANA does not have it as well',
      fires: scene({ services: unmarked('app 40000/tcp\n'), ianaNames: () => ['other'] }),
      twin: scene({ services: unmarked('app 40000/tcp\n'), ianaNames: () => ['app'] }),
    },
    {
      what: 'without that mark no system has it',
      fires: scene({ services: unmarked('mrt 50001/tcp\n') }),
      twin: scene({ services: unmarked('mrt 50000/tcp\npmcdproxy 44322/udp\n') }),
    },
    {
      what: 'without that mark it is where systems have none',
      fires: scene({ services: unmarked('app 32768/tcp\n'), kernel: WIDE }),
      twin: scene({ services: unmarked('app 32767/tcp\n'), kernel: WIDE }),
    },
  ],
  SETTING_NOT_KEPT: [
    {
      what: 'the range is another one after a boot',
      fires: scene({ kernel: kernel({ ephemeral: range(20_000, 30_000) }) }),
      twin: scene({
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
      fires: scene({
        kernel: reserve(8080, 8082),
        boot: {
          ephemeral: undefined,
          reserved: { value: [range(8080, 8081)], place: '/etc/sysctl.d/a.conf:1' },
          unprivilegedStart: undefined,
        },
      }),
      twin: scene({
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
      fires: scene({ kernel: reserve(8080) }),
      twin: scene({ kernel: kernel({ reserved: [] }) }),
    },
    {
      what: 'the guard does not put it there again',
      fires: scene({ kernel: reserve(40_000), inForce: inForce('PORT 40000 TCP APP', { guard: 'off' }) }),
      twin: scene({ kernel: reserve(40_000), inForce: inForce('PORT 40000 TCP APP') }),
    },
  ],
} as const satisfies DoctorCases;
