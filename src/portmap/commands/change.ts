// `portreeve portmap set` and `unset`: changes registrations over the Unix socket of this host's port mapper.
import { formatIp, hostPortText, readAddress, splitHostPort } from '../../base/address.ts';
import { PortreeveError } from '../../base/errors.ts';
import { type NetId, netIdInfo } from '../../base/netid.ts';
import { isPort, readPort } from '../../base/port.ts';
import type { Io } from '../../kit/io.ts';
import { hostServices } from '../../names/commands/deps.ts';
import { formatUaddr, type IpEndpoint, parseUaddr } from '../../wire/uaddr.ts';
import { RpcError } from '../client/errors.ts';
import { Portmap } from '../client/portmap.ts';
import { checkTarget, type LocalTarget } from '../client/target.ts';
import { parseTimeout } from './host.ts';
import type { PortmapChangeOptions } from './index.ts';
import { HINT_HERE, localTargetHere } from './query.ts';
import { parseProgram, parseVersion } from './rpc-names.ts';

interface PortmapSetArguments {
  readonly program: string;
  readonly version: string;
  readonly netid: NetId;
  /** As typed: a port, HOST:PORT, a universal address, or a path. */
  readonly address: string;
}

export async function portmapSetCommand(
  { program, version, netid, address }: PortmapSetArguments,
  options: PortmapChangeOptions,
  io: Io,
): Promise<number> {
  const { number, label } = parseProgram(program);
  const uaddr = uaddrOf(netid, address);
  const entry = { program: number, version: parseVersion(version), netid, address: uaddr };
  const what = `${label} version ${entry.version} at ${netid} ${addressText(uaddr)}`;
  return change(
    {
      request: `SET ${number} ${entry.version} ${netid} "${uaddr}"`,
      done: `registered ${what}`,
      refused: `the port mapper refused to register ${what}`,
      send: (portmap) => portmap.set(entry),
    },
    options,
    io,
  );
}

interface PortmapUnsetArguments {
  readonly program: string;
  readonly version: string;
  /** Every transport if undefined. */
  readonly netid: NetId | undefined;
}

export async function portmapUnsetCommand(
  { program, version, netid }: PortmapUnsetArguments,
  options: PortmapChangeOptions,
  io: Io,
): Promise<number> {
  const { number, label } = parseProgram(program);
  const key = { program: number, version: parseVersion(version) };
  const what = `${label} version ${key.version}${netid === undefined ? '' : ` at ${netid}`}`;
  return change(
    {
      request: `UNSET ${number} ${key.version} "${netid ?? ''}"`,
      done: `unregistered ${what}`,
      refused: `the port mapper refused to unregister ${what}`,
      send: (portmap) => portmap.unset(netid === undefined ? key : { ...key, netid }),
    },
    options,
    io,
  );
}

interface Change {
  /** The request on the wire, for --dry-run. */
  readonly request: string;
  readonly done: string;
  readonly refused: string;
  readonly send: (portmap: Portmap) => Promise<boolean>;
}

async function change(requested: Change, options: PortmapChangeOptions, io: Io): Promise<number> {
  const timeoutMs = parseTimeout(options.timeout);
  const target = options.socket === undefined ? await localTargetHere(io) : socketOf(options.socket);
  if (options.dryRun) {
    io.out(`would send to ${target.path}: ${requested.request}\n`);
    return 0;
  }
  await using portmap = new Portmap(target, { timeoutMs });
  const isDone = await requested.send(portmap).catch((thrown: unknown) => {
    if (!(thrown instanceof RpcError) || thrown.code !== 'REFUSED') throw thrown;
    throw new PortreeveError('REFUSED', thrown.message, HINT_HERE);
  });
  if (!isDone) {
    const hint =
      'The log of the daemon and portreeve status show the reason. Only its owner or root may change a registration.';
    throw new PortreeveError('CHANGE_REFUSED', requested.refused, hint);
  }
  io.out(`${requested.done}\n`);
  return 0;
}

function socketOf(path: string): LocalTarget {
  const target: LocalTarget = { transport: 'local', path };
  checkTarget(target);
  return target;
}

/** Reads a universal address, HOST:PORT, or a port, which means every address. */
function uaddrOf(netid: NetId, text: string): string {
  const { family } = netIdInfo(netid);
  if (family === 'loopback') return socketOf(text).path;
  const isIpv4 = family === 'inet';
  const endpoint = parseUaddr(text) ?? endpointOf(text, isIpv4 ? '0.0.0.0' : '::');
  const isOfFamily = endpoint?.address.family === (isIpv4 ? 4 : 6);
  if (endpoint && isOfFamily && isPort(endpoint.port)) return formatUaddr(endpoint);
  const examples = isIpv4 ? '192.0.2.7:2049 or 192.0.2.7.8.1' : '[2001:db8::7]:2049 or 2001:db8::7.8.1';
  const hint = `Write a port, such as 2049, or an address with a port, such as ${examples}.`;
  const message = `"${text}" is not an address of ${netid}`;
  throw new PortreeveError('ADDRESS_INVALID', message, hint, { value: text });
}

/** Reads PORT, ADDRESS:PORT and [IPv6]:PORT. */
function endpointOf(text: string, wildcard: string): IpEndpoint | undefined {
  const { host = '', port } = splitHostPort(text) ?? {};
  const read = readAddress(port === undefined || host === '' ? wildcard : host);
  const number = readPort(port ?? host, hostServices);
  return read && read.scope === undefined && number !== undefined
    ? { address: read.address, port: number }
    : undefined;
}

function addressText(uaddr: string): string {
  const endpoint = parseUaddr(uaddr);
  return endpoint ? hostPortText(formatIp(endpoint.address), endpoint.port) : uaddr;
}
