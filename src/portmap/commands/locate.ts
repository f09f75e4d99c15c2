// Looks up the address of a program with the port mappers of a host.
import { lookup } from 'node:dns/promises';
import { formatIp, isLinkLocal, isLoopback, isWildcard } from '../../base/address.ts';
import { errnoOf, PortreeveError } from '../../base/errors.ts';
import { isPort, type Protocol } from '../../base/port.ts';
import { parseUaddr } from '../../wire/uaddr.ts';
import type { Portmap, PortmapTarget } from '../client/portmap.ts';
import type { CallOptions } from '../client/rpc-client.ts';
import type { IpTarget } from '../client/target.ts';
import type { PortmapHost } from './host.ts';

/**
 * The port mapper at each address of the host, for either protocol. Throws PortreeveError (environment) `HOST_UNKNOWN`.
 */
export async function mappersOf(target: PortmapHost): Promise<((protocol: Protocol) => PortmapTarget)[]> {
  if (target.kind === 'local') return [() => ({ transport: 'local', path: target.path })];
  try {
    const found = await lookup(target.host, { all: true });
    return found.map(({ address }) => (transport) => ({ transport, host: address, port: target.port }));
  } catch (thrown) {
    const message = `cannot resolve ${target.host} (${errnoOf(thrown)})`;
    throw new PortreeveError('HOST_UNKNOWN', message, 'Check the name, or give an address.');
  }
}

/** The address of the program; port mappers return that of another version if this one is not registered. */
export async function locateProgram(
  portmap: Portmap,
  mapper: PortmapTarget,
  program: number,
  version: number,
  protocol: Protocol,
  options: CallOptions = {},
): Promise<IpTarget | undefined> {
  if (mapper.transport === 'local') {
    const port = await portmap.getPort(program, version, protocol, options);
    return port && { transport: protocol, host: '127.0.0.1', port };
  }
  const isIpv6 = mapper.host.includes(':');
  const netid = isIpv6 ? `${protocol}6` : protocol;
  const endpoint = parseUaddr((await portmap.getAddr(program, version, netid, options)) ?? '');
  if (!endpoint || !isPort(endpoint.port)) return undefined;
  const { address, port } = endpoint;
  // These are relative to the host that was queried.
  const isRelative = isWildcard(address) || isLoopback(address) || isLinkLocal(address);
  return { transport: protocol, host: isRelative ? mapper.host : formatIp(address), port };
}
