/** Sandboxes with several problems at once, similar ones without them, and the expected findings. */

import type { Code } from '../../../src/doctor/core/findings/checks/all.ts';
import type { AgentSocket } from './agent.ts';
import type { HostSetup } from './sandbox.ts';

export interface DoctorGroup {
  readonly name: string;
  readonly faulty: HostSetup;
  /** The findings of the faulty host, with their ports, in order. */
  readonly reported: Partial<Readonly<Record<Code, readonly string[]>>>;
  /** A host without these findings. */
  readonly clean: HostSetup;
}

const listen = (at: string, v6Only = false): AgentSocket => ({ do: 'listen', at, v6Only });
const RESERVED = { ip_local_reserved_ports: '40000-40009' };
const RESERVED_AT_BOOT = { '/etc/sysctl.d/a.conf': 'net.ipv4.ip_local_reserved_ports = 40000-40009\n' };

export const GROUPS: readonly DoctorGroup[] = [
  {
    name: 'listeners',
    faulty: {
      agents: [
        { sockets: [listen('127.0.0.1:40000')], args: ['--port=40000'] },
        { sockets: [listen('127.0.0.1:41000'), listen('127.0.0.1:5173')], args: ['one'] },
        { sockets: [listen('[::1]:5173'), { do: 'bind', at: '127.0.0.1:8080' }], args: ['two'] },
      ],
    },
    reported: {
      SERVICE_EPHEMERAL: ['40000'],
      LISTENER_EPHEMERAL: ['41000'],
      OWNERS_DIFFER: ['5173'],
      BOUND_NOT_LISTENING: ['8080'],
    },
    clean: {
      settings: RESERVED,
      files: RESERVED_AT_BOOT,
      agents: [
        { sockets: [listen('127.0.0.1:40000')], args: ['--port=40000'] },
        { sockets: [listen('127.0.0.1:31000'), listen('127.0.0.1:5173'), listen('[::1]:5173')] },
        { sockets: [listen('127.0.0.1:8080'), { do: 'udp', at: '127.0.0.1:42000' }] },
      ],
    },
  },
  {
    name: 'clients',
    faulty: {
      files: { '/etc/services': 'app 40001/tcp\n# Local services\nmine 40002/tcp\n' },
      settings: { ip_local_port_range: '40000 40019' },
      profile: 'PORT 40000 TCP APP\n 22000 TCP *\n',
      agents: [
        { sockets: [listen('127.0.0.1:22000')] },
        {
          sockets: [
            { do: 'connect', to: '127.0.0.1:22000', from: 40_000 },
            { do: 'connect', to: '127.0.0.1:22000', from: 40_002, close: true },
            // 80 percent without the port in TIME_WAIT, which the kernel can use again after a second.
            { do: 'connect', to: '127.0.0.1:22000', times: 15 },
          ],
        },
      ],
    },
    reported: {
      CLIENT_ON_PORT: ['40000', '40002'],
      EPHEMERAL_FEW: ['40000-40019'],
      SETTING_NOT_KEPT: [''],
      SERVICES_RESERVE_NOTHING: ['40002'],
    },
    clean: {
      files: {
        '/etc/services': 'app 4001/tcp\n# Local services\nmine 4002/tcp\n',
        '/etc/sysctl.d/a.conf': 'net.ipv4.ip_local_port_range = 40000 40999\n',
      },
      settings: { ip_local_port_range: '40000 40999' },
      profile: 'PORT 40000 TCP ROOT\n 22000 TCP *\n',
      agents: [
        { sockets: [listen('127.0.0.1:22000')] },
        {
          sockets: [
            { do: 'connect', to: '127.0.0.1:22000', from: 40_000 },
            { do: 'connect', to: '127.0.0.1:22000', from: 40_002, close: true },
            // 80 percent without the port in TIME_WAIT, which the kernel can use again after a second.
            { do: 'connect', to: '127.0.0.1:22000', times: 15 },
          ],
        },
      ],
    },
  },
  {
    name: 'the profile',
    faulty: {
      files: {
        '/etc/bpxprm': ' NETWORK DOMAINNAME(AF_INET) TYPE(CINET)\n INADDRANYPORT(6000) INADDRANYCOUNT(10)\n',
      },
      profile:
        'PORT 40000 UDP APP\n 5432 TCP ROOT BIND 127.0.0.1\n 5433 TCP APP\n 5434 TCP APP\nPORTRANGE 512 500 TCP APP\n',
      doctor: ['--bpxprm', '/etc/bpxprm'],
      agents: [{ sockets: [listen('0.0.0.0:5432'), listen('0.0.0.0:5434'), listen('127.0.0.1:7000')] }],
    },
    reported: {
      RESERVATION_EPHEMERAL: ['40000'],
      OPEN_TO_OTHERS: ['5432'],
      RESERVATION_HELD: ['5434'],
      RESERVATION_UNUSED: ['512-1011', '5433', '40000'],
      LISTENER_NOT_COVERED: ['7000'],
      PROFILE_NOT_ENFORCED: [''],
      INADDRANY_NOT_RESERVED: ['6000-6009', '6000-6009'],
      BINDRESVPORT_STOPPED: ['512-1023'],
    },
    clean: {
      files: RESERVED_AT_BOOT,
      settings: RESERVED,
      agents: [
        {
          sockets: [listen('127.0.0.1:5432'), listen('127.0.0.1:7000'), { do: 'udp', at: '127.0.0.1:40000' }],
        },
      ],
    },
  },
  {
    name: 'low ports',
    faulty: {
      settings: { ip_unprivileged_port_start: '80' },
      files: { '/etc/exports': '/srv *(rw)\n' },
      agents: [{ sockets: [listen('127.0.0.1:80')], uid: 4711 }],
    },
    reported: { LOW_PORT_UNPRIVILEGED: ['80'], LOW_PORTS_OPEN: ['80-1023'], LOW_PORT_TRUSTED: [''] },
    clean: {
      files: { '/etc/exports': '/srv *(rw,insecure)\n' },
      agents: [{ sockets: [listen('127.0.0.1:80')] }, { sockets: [listen('127.0.0.1:1080')], uid: 4711 }],
    },
  },
  {
    name: 'program ranges and names',
    faulty: {
      files: {
        '/etc/nomad.d/a.hcl': 'client {\n  min_dynamic_port = 30000\n  max_dynamic_port = 33000\n}\n',
        '/etc/kubernetes/manifests/kube-apiserver.yaml': '    - --v=2\n',
        '/etc/services': 'ssh 22/tcp\n# Local services\napp 8080/tcp\n',
      },
      profile: 'PORT 31000 TCP APP\n',
    },
    reported: {
      POOLS_OVERLAP: ['30000-32767'],
      POOL_EPHEMERAL: ['32768-33000'],
      POOL_RESERVED: ['31000', '31000'],
      SERVICES_DISAGREE: ['8080'],
    },
    clean: {
      files: {
        '/etc/nomad.d/a.hcl': 'client {\n  min_dynamic_port = 26000\n  max_dynamic_port = 29999\n}\n',
        '/etc/kubernetes/manifests/kube-apiserver.yaml': '    - --v=2\n',
        '/etc/services': 'app 8080/tcp\n# Local services\nhttp-alt 8080/tcp\n',
      },
      profile: 'PORT 33001 TCP APP\n',
    },
  },
  {
    name: 'RPC programs',
    faulty: {
      registered: ['100024 1 tcp 790', '100005 3 tcp 631', '100021 4 tcp 20049'],
      agents: [
        { sockets: [listen('0.0.0.0:790'), listen('0.0.0.0:631')], args: ['statd'] },
        { sockets: [listen('0.0.0.0:853')], args: ['unbound'] },
      ],
    },
    reported: { RPC_SOCKET_GONE: ['20049'], RPC_ON_ASSIGNED_PORT: ['631'], RPC_BEFORE_SERVICE: ['853'] },
    clean: {
      files: { '/etc/bindresvport.blacklist': '853\n' },
      registered: ['100024 1 tcp 790'],
      agents: [
        { sockets: [listen('0.0.0.0:853')], args: ['unbound'] },
        { sockets: [listen('0.0.0.0:790')], args: ['statd'] },
      ],
    },
  },
  {
    name: 'an RPC program that starts later',
    faulty: {
      registered: ['100024 1 tcp 790'],
      agents: [
        { sockets: [listen('0.0.0.0:853')], args: ['unbound'] },
        { sockets: [listen('0.0.0.0:790')], args: ['statd'] },
      ],
    },
    reported: { RPC_COULD_TAKE_PORT: ['853'] },
    clean: {
      registered: ['100024 1 tcp 20048'],
      agents: [
        { sockets: [listen('0.0.0.0:853')], args: ['unbound'] },
        { sockets: [listen('0.0.0.0:20048')], args: ['statd'] },
      ],
    },
  },
];
