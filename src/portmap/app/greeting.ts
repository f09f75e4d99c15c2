// The message that `portreeve serve` prints when it is ready: its sockets, and commands to try.

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

/** `obstacle`: why it does not listen on the usual port. */
export function greeting(version: string, opened: OpenedEndpoints, obstacle: string | undefined): string {
  const rows = opened.endpoints.map(
    ({ spec }) => [spec.netid, endpointText(spec), WHAT[spec.netid]] as const,
  );
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const table = rows.map(([netid, endpoint, what]) => {
    return `  ${netid.padEnd(widths[0] ?? 0)}  ${endpoint.padEnd(widths[1] ?? 0)}  ${what}`;
  });
  const notes = [
    ...(obstacle ? [`${obstacle}: listening on another port instead.`, ''] : []),
    ...opened.absent.map((spec) => `not listening on ${endpointText(spec)}: this host has no such address`),
    ...(opened.endpoints.some(isOpen) ? ['This port mapper accepts calls from the network.'] : []),
  ];
  const examples = examplesFor(opened).map((command) => `  ${command}`);
  return [`portreeve ${version}: portmap is ready`, '', ...notes, ...table, '', 'Try:', ...examples, ''].join(
    '\n',
  );
}

function isOpen({ spec }: OpenEndpoint): boolean {
  return spec.netid !== 'local' && !isLoopback(spec.address);
}

/** Three commands that can be run as they are. */
function examplesFor(opened: OpenedEndpoints): string[] {
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
