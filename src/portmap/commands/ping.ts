// `portreeve portmap ping`: whether an RPC program answers where its port mapper says that it is.
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
import { parseProgram, parseVersion, VERSION_MAX } from './rpc-names.ts';

interface PortmapPingArguments {
  readonly host: string;
  readonly program: string;
  readonly version: string | undefined;
}

/** The most versions that are asked for: who claims to have more is not to be believed. */
const VERSIONS_MAX = 64;

export async function portmapPingCommand(
  { host, program, version }: PortmapPingArguments,
  options: PortmapPingOptions,
  io: Io,
): Promise<number> {
  const { number, name, label } = parseProgram(program);
  const question: Question = {
    host,
    program: number,
    label,
    version: version === undefined ? undefined : parseVersion(version),
    protocols: options.udp ? ['udp'] : options.tcp ? ['tcp'] : ['tcp', 'udp'],
    timeoutMs: parseTimeout(options.timeout),
  };
  const answers = await ask(question);
  if (options.json) io.out(json(answers.map((answer) => jsonOf(number, name, answer))));
  else for (const answer of answers) io.out(`${lineOf(question, answer)}\n`);
  return answers.every(({ error }) => error === undefined) ? 0 : EXIT_CODES.refused;
}

interface Question {
  readonly host: string;
  readonly program: number;
  /** How the program is called in what is printed. */
  readonly label: string;
  readonly version: number | undefined;
  /** In the order in which they are tried. */
  readonly protocols: readonly Protocol[];
  readonly timeoutMs: number;
}

/** What became of the call of one version. */
interface Answer {
  readonly target: IpTarget;
  /** Undefined where it could not be learned which there are. */
  readonly version: number | undefined;
  readonly milliseconds: number;
  /** Undefined if the program is ready. */
  readonly error: RpcError | undefined;
}

/** Asks the first port mapper that knows the program, by protocol and by the addresses of the host. */
async function ask(question: Question): Promise<Answer[]> {
  const { host, label, version, protocols, timeoutMs } = question;
  const reasons: string[] = [];
  const unregistered = new Set<Protocol>();
  const mappers = await mappersOf(parsePortmapHost(host));
  for (const protocol of protocols) {
    for (const mapper of mappers) {
      await using portmap = new Portmap(mapper(protocol), { timeoutMs });
      const locate = (wanted: number) =>
        locateProgram(portmap, mapper(protocol), question.program, wanted, protocol);
      try {
        const target = await locate(version ?? 0);
        if (!target) unregistered.add(protocol);
        else if (version === undefined) return await pingVersions(question, target, locate);
        else return [await ping(question, target, version)];
      } catch (thrown) {
        if (!(thrown instanceof RpcError)) throw thrown;
        reasons.push(thrown.message);
      }
    }
  }
  if (unregistered.size === 0) {
    const message = ['the port mapper does not answer:', ...new Set(reasons)].join('\n  ');
    throw new PortreeveError('PORTMAP_SILENT', message, 'Do firewalls let its port through?');
  }
  const message = `${label} is not registered at ${host} over ${[...unregistered].join(' or ')}`;
  throw new PortreeveError('NOT_REGISTERED', message, `See what is: portreeve portmap list ${host}`);
}

/** Learns from version 0, which no program has, which versions there are, and calls each. */
async function pingVersions(
  question: Question,
  target: IpTarget,
  locate: (version: number) => Promise<IpTarget | undefined>,
): Promise<Answer[]> {
  const lowest = await ping(question, target, 0);
  const probe = lowest.error ? lowest : await ping(question, target, VERSION_MAX);
  if (!probe.error) return [lowest];
  const { low = 1, high = 0 } = probe.error;
  if (low > high || high - low >= VERSIONS_MAX) return [{ ...probe, version: undefined }];
  const answers: Answer[] = [];
  for (let version = low; version <= high; version++) {
    const answer = await ping(question, (await locate(version)) ?? target, version);
    // The range may have holes.
    if (answer.error?.code !== 'PROG_MISMATCH') answers.push(answer);
  }
  return answers.length > 0 ? answers : [{ ...probe, version: undefined }];
}

async function ping({ program, timeoutMs }: Question, target: IpTarget, version: number): Promise<Answer> {
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

function lineOf({ label, timeoutMs }: Question, { target, version, milliseconds, error }: Answer): string {
  const which = version === undefined ? label : `${label} version ${version}`;
  const what = error ? failureText(error, timeoutMs) : `ready, ${milliseconds.toFixed(1)} ms`;
  return `${which} at ${targetText(target)}: ${what}`;
}

function failureText(error: RpcError, timeoutMs: number): string {
  switch (error.code) {
    case 'PROG_MISMATCH':
      return `not this version; there are ${error.low} to ${error.high}`;
    case 'PROG_UNAVAIL':
      return 'not this program; another one answers there';
    case 'REFUSED':
      return 'registered, but nobody listens there';
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
