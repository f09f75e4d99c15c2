// `portreeve portmap ping`: tests whether an RPC program answers at the address that its port mapper returns.
import { EXIT_CODES, PortreeveError } from '../../base/errors.ts';
import type { Protocol } from '../../base/port.ts';
import type { Io } from '../../kit/io.ts';
import { json } from '../../kit/text.ts';
import { RpcError } from '../client/errors.ts';
import { Portmap } from '../client/portmap.ts';
import { RpcClient } from '../client/rpc-client.ts';
import { type IpTarget, targetText } from '../client/target.ts';
import { parsePortmapHost, parseTimeout } from './host.ts';
import type { PortmapPingOptions } from './index.ts';
import { locateProgram, mappersOf } from './locate.ts';
import { HINT_THERE } from './query.ts';
import { parseProgram, parseVersion, VERSION_MAX } from './rpc-names.ts';

interface PortmapPingArguments {
  readonly host: string;
  readonly program: string;
  readonly version: string | undefined;
}

/** The maximum number of versions to call: a server that reports more is not trusted. */
const VERSIONS_MAX = 64;

export async function portmapPingCommand(
  { host, program, version }: PortmapPingArguments,
  options: PortmapPingOptions,
  io: Io,
): Promise<number> {
  const { number, name, label } = parseProgram(program);
  const query: Query = {
    host,
    program: number,
    label,
    version: version === undefined ? undefined : parseVersion(version),
    protocols: options.udp ? ['udp'] : options.tcp ? ['tcp'] : ['tcp', 'udp'],
    timeoutMs: parseTimeout(options.timeout),
  };
  const answers = await pingProgram(query);
  if (options.json) io.out(json(answers.map((answer) => jsonOf(number, name, answer))));
  else for (const answer of answers) io.out(`${lineOf(query, answer)}\n`);
  return answers.every(({ error }) => error === undefined) ? 0 : EXIT_CODES.refused;
}

interface Query {
  readonly host: string;
  readonly program: number;
  /** The program as it is printed. */
  readonly label: string;
  readonly version: number | undefined;
  /** In the order of attempts. */
  readonly protocols: readonly Protocol[];
  readonly timeoutMs: number;
}

/** The result of the call of one version. */
interface Answer {
  readonly target: IpTarget;
  /** Undefined if the supported versions could not be determined. */
  readonly version: number | undefined;
  readonly milliseconds: number;
  /** Undefined if the program answered. */
  readonly error: RpcError | undefined;
}

/** Calls the program at the first address that a port mapper returns, by protocol, then by address of the host. */
async function pingProgram(query: Query): Promise<Answer[]> {
  const { host, label, version, protocols, timeoutMs } = query;
  const reasons: string[] = [];
  const unregistered = new Set<Protocol>();
  const mappers = await mappersOf(parsePortmapHost(host));
  for (const protocol of protocols) {
    for (const mapper of mappers) {
      await using portmap = new Portmap(mapper(protocol), { timeoutMs });
      const locate = (wanted: number) =>
        locateProgram(portmap, mapper(protocol), query.program, wanted, protocol);
      try {
        const target = await locate(version ?? 0);
        if (!target) unregistered.add(protocol);
        else if (version === undefined) return await pingVersions(query, target, locate);
        else return [await ping(query, target, version)];
      } catch (thrown) {
        if (!(thrown instanceof RpcError)) throw thrown;
        reasons.push(thrown.message);
      }
    }
  }
  if (unregistered.size === 0) {
    const message = ['no port mapper answers:', ...new Set(reasons)].join('\n  ');
    throw new PortreeveError('PORTMAP_SILENT', message, HINT_THERE);
  }
  const message = `${label} is not registered at ${host} over ${[...unregistered].join(' or ')}`;
  throw new PortreeveError(
    'NOT_REGISTERED',
    message,
    `To list what is registered: portreeve portmap list ${host}`,
  );
}

/** Calls version 0, which no program has, to learn the supported versions from PROG_MISMATCH, then calls each. */
async function pingVersions(
  query: Query,
  target: IpTarget,
  locate: (version: number) => Promise<IpTarget | undefined>,
): Promise<Answer[]> {
  const lowest = await ping(query, target, 0);
  const probe = lowest.error ? lowest : await ping(query, target, VERSION_MAX);
  if (!probe.error) return [lowest];
  const { low = 1, high = 0 } = probe.error;
  if (low > high || high - low >= VERSIONS_MAX) return [{ ...probe, version: undefined }];
  const answers: Answer[] = [];
  for (let version = low; version <= high; version++) {
    const answer = await ping(query, (await locate(version)) ?? target, version);
    // The range may have gaps.
    if (answer.error?.code !== 'PROG_MISMATCH') answers.push(answer);
  }
  return answers.length > 0 ? answers : [{ ...probe, version: undefined }];
}

async function ping({ program, timeoutMs }: Query, target: IpTarget, version: number): Promise<Answer> {
  await using client = new RpcClient(target, { timeoutMs });
  const start = performance.now();
  const error = await client.ping(program, version).then(
    () => undefined,
    (thrown: unknown) => {
      if (thrown instanceof RpcError) return thrown;
      throw thrown;
    },
  );
  return { target, version, milliseconds: performance.now() - start, error };
}

function lineOf({ label, timeoutMs }: Query, { target, version, milliseconds, error }: Answer): string {
  const which = version === undefined ? label : `${label} version ${version}`;
  const what = error ? failureText(error, timeoutMs) : `ready, ${milliseconds.toFixed(1)} ms`;
  return `${which} at ${targetText(target)}: ${what}`;
}

function failureText(error: RpcError, timeoutMs: number): string {
  switch (error.code) {
    case 'PROG_MISMATCH':
      return `version not supported (supported: ${error.low}-${error.high})`;
    case 'PROG_UNAVAIL':
      return 'registered, but another program answers there';
    case 'REFUSED':
      return 'registered, but not listening';
    case 'TIMEOUT':
      return `registered, but no answer within ${timeoutMs / 1000} s`;
    default:
      return error.message;
  }
}

function jsonOf(
  program: number,
  name: string | undefined,
  { target, version, milliseconds, error }: Answer,
): object {
  return {
    program,
    name: name ?? null,
    version: version ?? null,
    protocol: target.transport,
    host: target.host,
    port: target.port,
    ready: error === undefined,
    milliseconds: error ? null : Math.round(milliseconds * 1000) / 1000,
    error: error?.code ?? null,
    low: error?.low ?? null,
    high: error?.high ?? null,
  };
}
