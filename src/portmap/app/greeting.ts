// What `portreeve serve` says when it is ready: what it serves and where, and what to try next.

import { isLoopback } from '../../base/address.ts';
import { PORTMAP_PORT } from '../../base/port.ts';
import type { EndpointSpec, OpenEndpoint } from '../../host/host.ts';
import { endpointText, type OpenedEndpoints } from './listen.ts';

const WHAT: Readonly<Record<EndpointSpec['netid'], string>> = {
  udp: 'RPC over UDP',
  tcp: 'RPC over TCP',
  udp6: 'RPC over UDP, IPv6',
  tcp6: 'RPC over TCP, IPv6',
  local: 'RPC on this host, registrations',
};

/** The lines; `obstacle` says why the port is not the usual one. */
export function greeting(version: string, opened: OpenedEndpoints, obstacle: string | undefined): string {
  const rows = opened.endpoints.map(
    ({ spec }) => [spec.netid, endpointText(spec), WHAT[spec.netid]] as const,
  );
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const table = rows.map(([netid, endpoint, what]) => {
    return `  ${netid.padEnd(widths[0] ?? 0)}  ${endpoint.padEnd(widths[1] ?? 0)}  ${what}`;
  });
  const notes = [
    ...(obstacle ? [`${obstacle}: serving another port instead.`, ''] : []),
    ...opened.absent.map(
      (spec) => `not served, because this host has no such address: ${endpointText(spec)}`,
    ),
    ...(opened.endpoints.some(isOpen) ? ['This port mapper is open to the network.'] : []),
  ];
  const examples = tries(opened).map((command) => `  ${command}`);
  return [`portreeve ${version}: portmap is ready`, '', ...notes, ...table, '', 'Try:', ...examples, ''].join(
    '\n',
  );
}

function isOpen({ spec }: OpenEndpoint): boolean {
  return spec.netid !== 'local' && !isLoopback(spec.address);
}

/** Three commands that work as they stand. */
function tries(opened: OpenedEndpoints): string[] {
  const ip = opened.endpoints.map(({ spec }) => spec).filter((spec) => spec.netid !== 'local');
  const first = ip.find((spec) => isLoopback(spec.address)) ?? ip[0];
  const host = first ? endpointText(first) : '';
  const isUsual = first?.port === PORTMAP_PORT;
  const target = isUsual ? host.slice(0, -`:${PORTMAP_PORT}`.length) : host;
  return [
    `bin/portreeve portmap list ${target}`,
    `bin/portreeve portmap ping ${target} portmapper`,
    isUsual ? `rpcinfo -p ${target.replace(/[[\]]/g, '')}` : 'bin/portreeve status',
  ];
}
