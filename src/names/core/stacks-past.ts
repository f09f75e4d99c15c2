// The ephemeral ranges of operating systems that are hardly in use any more, with commands and sources.
import type { Stack } from './stack.ts';

const both = (first: number, last: number) => ({ tcp: { first, last }, udp: { first, last } });

const STRATUS = 'Stratus, Selecting TCP Ports Numbers for Fun, Profit, and Reliability (2008)';
const DATAPLANE = 'https://dataplane.org/ephemeralports.html';

const MAX_USER_PORT = 'HKLM\\SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters';

export const PAST_STACKS: readonly Stack[] = [
  {
    id: 'windows-2003',
    aliases: ['windows-xp', 'windows-2000', 'windows-nt'],
    title: 'Windows up to XP and Server 2003',
    group: 'past',
    ephemeral: both(1024, 5000),
    privilegedBelow: 0,
    show: [`reg query ${MAX_USER_PORT} /v MaxUserPort`],
    change: [`reg add ${MAX_USER_PORT} /v MaxUserPort /t REG_DWORD /d 65534, then a restart`],
    bounds: 'MaxUserPort is the upper end: 5000-65534, 5000 if it is not set',
    notes: [
      'According to Microsoft KB 929851 it begins at 1025.',
      'With update MS08-037, Server 2003 uses 49152-65535.',
    ],
    sources: [{ kind: 'manual', text: 'Microsoft, MaxUserPort (Windows 2000 Server, Windows Server 2003)' }],
  },
  {
    id: 'ftserver',
    aliases: [],
    title: 'Windows on Stratus ftServer',
    group: 'past',
    ephemeral: both(1024, 5000),
    privilegedBelow: 0,
    show: [`reg query ${MAX_USER_PORT} /v MaxUserPort`],
    change: [`reg add ${MAX_USER_PORT} /v MaxUserPort /t REG_DWORD /d 65534, then a restart`],
    bounds: 'MaxUserPort: 5000-65534',
    notes: [],
    sources: [{ kind: 'manual', text: STRATUS }],
  },
  {
    id: 'linux-2.2',
    aliases: [],
    title: 'Linux up to 2.2',
    group: 'past',
    ephemeral: both(1024, 4999),
    privilegedBelow: 1024,
    show: ['cat /proc/sys/net/ipv4/ip_local_port_range'],
    change: ['echo "49152 65535" > /proc/sys/net/ipv4/ip_local_port_range'],
    notes: [],
    sources: [{ kind: 'report', text: STRATUS }],
  },
  {
    id: 'bsd',
    aliases: ['4.4bsd'],
    title: '4.4BSD and its descendants before the range was widened',
    group: 'past',
    ephemeral: both(1024, 5000),
    privilegedBelow: 1024,
    show: [],
    change: [],
    notes: ['Most early implementations of TCP/IP took their range from it.'],
    sources: [
      {
        kind: 'code',
        text: 'FreeBSD 2.2 sys/netinet/in_pcb.c: ipport_firstauto = IPPORT_RESERVED, IPPORT_USERRESERVED 5000',
      },
    ],
  },
  {
    id: 'irix',
    aliases: [],
    title: 'IRIX',
    group: 'past',
    ephemeral: both(1024, 65_535),
    privilegedBelow: 1024,
    show: [],
    change: [],
    notes: [],
    sources: [{ kind: 'report', text: DATAPLANE }],
  },
  {
    id: 'vos-tcp-os',
    aliases: ['tcp_os', 'tcp-os'],
    title: 'VOS, TCP_OS',
    group: 'past',
    ephemeral: both(1024, 5000),
    privilegedBelow: 1024,
    show: [],
    change: [],
    notes: [
      'The range cannot be changed.',
      'Since VOS 14.3 (otp-804) ports below 1024 need privilege, unless the variable allow_unpriv_bind$ is 1.',
    ],
    sources: [{ kind: 'manual', text: STRATUS }],
  },
  {
    id: 'vos-stcp-old',
    aliases: ['stcp-old'],
    title: 'VOS, STCP before stcp-1098 (TCP) and stcp-2119 (UDP)',
    group: 'past',
    ephemeral: { tcp: { first: 10_000, last: 65_535 }, udp: { first: 1024, last: 65_535 } },
    privilegedBelow: 1024,
    show: [],
    change: [],
    notes: [
      'The range cannot be changed.',
      "For UDP it begins at 1024 in the guide's text, and at 1025 in its table.",
      'Since 14.1.0aq, 14.2.2aa and 14.3 (stcp-1316) ports below 1024 need write access to the STREAMS device ' +
        '(access_list_name).',
    ],
    sources: [{ kind: 'manual', text: STRATUS }],
  },
  {
    id: 'ftx-3.3',
    aliases: [],
    title: 'FTX up to 3.3',
    group: 'past',
    ephemeral: both(1024, 6123),
    privilegedBelow: 1024,
    show: [],
    change: [],
    notes: [],
    sources: [{ kind: 'manual', text: STRATUS }],
  },
  {
    id: 'ftx',
    aliases: ['ftx-3.4'],
    title: 'FTX 3.4 and newer',
    group: 'past',
    ephemeral: both(49_152, 65_535),
    privilegedBelow: 1024,
    show: ['ndd -get /dev/tcp tcp_smallest_anon_port'],
    change: ['ndd -set /dev/tcp tcp_largest_anon_port 65000'],
    notes: [],
    sources: [{ kind: 'manual', text: STRATUS }],
  },
];
