// `portreeve portmap find`: finds the hosts that run an RPC program.
import { EXIT_CODES, PortreeveError } from '../../base/errors.ts';
import type { Protocol } from '../../base/port.ts';
import type { Column } from '../../base/table.ts';
import type { Io } from '../../kit/io.ts';
import { formatTable, json } from '../../kit/text.ts';
import { Portmap, type PortmapTarget } from '../client/portmap.ts';
import { type IpTarget, targetText } from '../client/target.ts';
import { type PortmapHost, parsePortmapHost, parseTimeout } from './host.ts';
import type { PortmapFindOptions } from './index.ts';
import { locateProgram, mappersOf } from './locate.ts';
import { parseProgram } from './rpc-names.ts';

export async function portmapFindCommand(
  program: string,
  hosts: readonly string[],
  options: PortmapFindOptions,
  io: Io,
): Promise<number> {
  const { number, name } = parseProgram(program);
  const targets = hosts.map((host) => ({ host, target: parsePortmapHost(host) }));
  const query: Query = {
    program: number,
    protocols: options.udp ? ['udp'] : options.tcp ? ['tcp'] : ['tcp', 'udp'],
    timeoutMs: parseTimeout(options.timeout),
  };
  const findings = await Promise.all(
    targets.map(async ({ host, target }): Promise<Finding> => ({ host, ...(await findAt(target, query)) })),
  );
  io.out(
    options.json
      ? json(findings.map((finding) => jsonOf(number, name, finding)))
      : formatTable(io, COLUMNS, findings),
  );
  const states = new Set(findings.map(({ state }) => state));
  if (states.has('registered')) return 0;
  return states.has('not registered') ? EXIT_CODES.refused : EXIT_CODES.environment;
}

interface Query {
  readonly program: number;
  /** In order of preference. */
  readonly protocols: readonly Protocol[];
  readonly timeoutMs: number;
}

/** The answer of the port mapper of a host. */
type Answer =
  | { readonly state: 'registered'; readonly target: IpTarget }
  | { readonly state: 'not registered' }
  | { readonly state: 'no answer'; readonly reason: string };

type Finding = Answer & { readonly host: string };

/** Queries every address over every protocol in parallel; returns the first registration in order of preference. */
async function findAt(host: PortmapHost, { program, protocols, timeoutMs }: Query): Promise<Answer> {
  const enough = new AbortController();
  const options = { timeoutMs, signal: enough.signal };
  const locate = async (mapper: PortmapTarget, protocol: Protocol): Promise<Answer> => {
    await using portmap = new Portmap(mapper);
    const target = await locateProgram(portmap, mapper, program, ANY_VERSION, protocol, options);
    return target ? { state: 'registered', target } : { state: 'not registered' };
  };
  const noAnswer = (thrown: unknown): Answer => {
    if (!(thrown instanceof PortreeveError) || thrown.kind === 'bug') throw thrown;
    return { state: 'no answer', reason: thrown.message };
  };
  try {
    const mappers = await mappersOf(host);
    const answers = protocols.flatMap((protocol) =>
      mappers.map((mapper) => locate(mapper(protocol), protocol).catch(noAnswer)),
    );
    return await best(answers);
  } catch (thrown) {
    return noAnswer(thrown);
  } finally {
    enough.abort();
  }
}

/** No program has version 0: the port mapper returns another version. */
const ANY_VERSION = 0;

async function best(answers: readonly Promise<Answer>[]): Promise<Answer> {
  let found: Answer | undefined;
  for (const pending of answers) {
    const answer = await pending;
    if (answer.state === 'registered') return answer;
    if (found === undefined || answer.state === 'not registered') found = answer;
  }
  return found ?? { state: 'no answer', reason: 'it has no address' };
}

function answerText(finding: Finding): string {
  switch (finding.state) {
    case 'registered':
      return targetText(finding.target);
    case 'not registered':
      return finding.state;
    case 'no answer':
      return `no answer: ${finding.reason}`;
  }
}

const COLUMNS: readonly Column<Finding>[] = [
  { title: 'HOST', text: ({ host }) => host },
  { title: 'ADDRESS', text: answerText },
];

function jsonOf(program: number, name: string | undefined, finding: Finding): object {
  const target = finding.state === 'registered' ? finding.target : undefined;
  return {
    host: finding.host,
    program,
    name: name ?? null,
    state: finding.state,
    protocol: target?.transport ?? null,
    address: target?.host ?? null,
    port: target?.port ?? null,
    error: finding.state === 'no answer' ? finding.reason : null,
  };
}
