// `portreeve portmap find`: which of many hosts run a program.
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
  const places = hosts.map((host) => ({ host, place: parsePortmapHost(host) }));
  const question: Question = {
    program: number,
    protocols: options.udp ? ['udp'] : options.tcp ? ['tcp'] : ['tcp', 'udp'],
    timeoutMs: parseTimeout(options.timeout),
  };
  const findings = await Promise.all(
    places.map(async ({ host, place }): Promise<Finding> => ({ host, ...(await findAt(place, question)) })),
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

interface Question {
  readonly program: number;
  /** The one that is preferred first. */
  readonly protocols: readonly Protocol[];
  readonly timeoutMs: number;
}

/** What the port mapper of a host says. */
type Answer =
  | { readonly state: 'registered'; readonly target: IpTarget }
  | { readonly state: 'not registered' }
  | { readonly state: 'no answer'; readonly reason: string };

type Finding = Answer & { readonly host: string };

/** Asks every address over every protocol at once; gives the first that has it, in the order of preference. */
async function findAt(place: PortmapHost, { program, protocols, timeoutMs }: Question): Promise<Answer> {
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
    const mappers = await mappersOf(place);
    const asked = protocols.flatMap((protocol) =>
      mappers.map((mapper) => locate(mapper(protocol), protocol).catch(noAnswer)),
    );
    return await best(asked);
  } catch (thrown) {
    return noAnswer(thrown);
  } finally {
    enough.abort();
  }
}

/** The port mapper gives any version for one that nobody has. */
const ANY_VERSION = 0;

async function best(asked: readonly Promise<Answer>[]): Promise<Answer> {
  let found: Answer | undefined;
  for (const asking of asked) {
    const answer = await asking;
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
