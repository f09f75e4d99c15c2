// What `portreeve suggest` answers: ports that nobody else gets, why these, and why not others.
import { PortreeveError } from '../../base/errors.ts';
import { nearest } from '../../base/nearest.ts';
import type { Protocol } from '../../base/port.ts';
import type { Sysctls } from '../../host/host.ts';
import { readKernelPorts } from '../../names/app/kernel-ports.ts';
import type { Iana } from '../../names/core/iana.ts';
import type { ServiceNames } from '../../names/core/services.ts';
import type { Stack } from '../../names/core/stack.ts';
import { isSystem, STACKS, stacksNamed, stackWords } from '../../names/core/stacks.ts';
import { STRATUS_ADVICE } from '../../names/core/stratus-table.ts';
import { profileInForce } from '../../profile/app/in-force.ts';
import type { ProfileArchive } from '../../profile/core/archive.ts';
import type { OpenSockets } from '../../sockets/core/open-sockets.ts';
import type { GiveUp } from '../core/give-up.ts';
import type { Constraints } from '../core/obstacles.ts';
import { type Choice, givenBy, type PassedOver, type PortRequest, suggest } from '../core/suggest.ts';
import { obstacleTexts } from './obstacle-texts.ts';

export interface SuggestDeps {
  readonly sysctls: Pick<Sysctls, 'read'>;
  readonly sockets: Pick<OpenSockets, 'list' | 'owners'>;
  readonly archive: ProfileArchive;
  readonly iana: Iana;
  /** /etc/services. */
  readonly services: ServiceNames;
}

/** The systems whose clients are to get none of the ports. */
interface AskedSystems {
  readonly systems: readonly Stack[];
  /** Whether those of this host count as well. */
  readonly host: boolean;
}

/** A port, or a block of them, that can be had. */
export interface SuggestedPorts {
  readonly first: number;
  readonly last: number;
  /** The systems that give it to clients: none of those that were asked for. */
  readonly givenBy: readonly string[];
  readonly reasons: readonly string[];
}

/** A range that others advise, counted. */
interface Advice {
  readonly first: number;
  readonly last: number;
  readonly ports: number;
  /** Ports that IANA has assigned for one of the protocols, and those that it only keeps. */
  readonly assigned: number;
  readonly kept: number;
  /** The known systems that give ports of it to clients. */
  readonly givenBy: readonly string[];
}

export interface SuggestReport {
  readonly protocols: readonly Protocol[];
  readonly systems: readonly string[];
  readonly host: boolean;
  readonly suggestions: readonly SuggestedPorts[];
  readonly passedOver: readonly { readonly port: number; readonly reasons: readonly string[] }[];
  readonly passedOverCount: number;
  /** Which systems to leave out; undefined where there is enough, or where it would not help. */
  readonly giveUp:
    | {
        readonly systems: readonly string[];
        readonly host: boolean;
        readonly left: number;
        readonly example: number;
      }
    | undefined;
  readonly advice: Advice;
  /** Where the name that was given already is assigned a port: "5432/tcp, by IANA". */
  readonly known: readonly string[];
}

/** The words of --stacks that stand for this host. */
const HOST = 'host';

/**
 * Reads a list such as "today", "linux,freebsd" or "all,-irix,-host": a word with "-" before it is left out, of those
 * of today where it is the first. This host counts unless it is left out. Throws PortreeveError `STACK_UNKNOWN` and
 * `STACKS_EMPTY` (usage).
 */
export function askedSystems(text: string): AskedSystems {
  const parts = text.split(',').map((word) => word.trim());
  const wanted = new Set<Stack>(parts[0]?.startsWith('-') ? stacksNamed('today') : []);
  let host = true;
  for (const part of parts) {
    const isLeftOut = part.startsWith('-');
    const word = isLeftOut ? part.slice(1) : part;
    if (word.toLowerCase() === HOST) {
      host = !isLeftOut;
      continue;
    }
    for (const stack of stacksNamed(word) ?? unknown(word)) {
      if (isLeftOut) wanted.delete(stack);
      else wanted.add(stack);
    }
  }
  if (wanted.size === 0 && !host) {
    const hint = 'Name a system, such as --stacks linux: portreeve stacks lists them.';
    throw new PortreeveError('STACKS_EMPTY', `--stacks ${text} leaves out every system`, hint);
  }
  return { systems: STACKS.filter((stack) => wanted.has(stack)), host };
}

function unknown(word: string): never {
  const close = nearest(word.toLowerCase(), [...stackWords(), HOST]);
  const hint =
    close === undefined ? 'portreeve stacks lists those that are known.' : `Do you mean "${close}"?`;
  throw new PortreeveError('STACK_UNKNOWN', `"${word}" is no system that is known`, hint, { word });
}

/** Looks at this host and chooses. Throws what its doors throw. */
export function suggestPorts(
  request: PortRequest,
  asked: AskedSystems,
  protocols: readonly Protocol[],
  deps: SuggestDeps,
): SuggestReport {
  const kernel = readKernelPorts(deps.sysctls);
  const constraints: Constraints = {
    protocols,
    systems: asked.systems,
    ephemeral: asked.host ? kernel.ephemeral : undefined,
    kept: kernel.reserved,
    iana: deps.iana,
    services: deps.services,
    reservations: profileInForce(deps.archive).profile.reservations,
    sockets: deps.sockets.list(),
  };
  const { choices, passedOver, passedOverCount, giveUp } = suggest(request, constraints);
  return {
    protocols,
    systems: asked.systems.map(({ id }) => id),
    host: asked.host,
    suggestions: choices.map((choice) => suggestedPorts(choice, asked)),
    passedOver: withReasons(passedOver, deps),
    passedOverCount,
    giveUp: giveUp && giveUpIds(giveUp),
    advice: adviceOf(constraints),
    known: request.name === undefined ? [] : knownPorts(request.name, deps),
  };
}

const idsOf = (stacks: readonly Stack[]) => stacks.map(({ id }) => id);

function suggestedPorts({ first, last, givenBy: others }: Choice, asked: AskedSystems): SuggestedPorts {
  const reasons = [
    `no client of ${systemsText(asked)} is given it`,
    'IANA has not assigned it, and /etc/services has no name for it',
    'it is in no range from which a known program chooses',
    'no socket of this host has it',
    'neither the profile in force nor net.ipv4.ip_local_reserved_ports has it',
    'browsers do not refuse it',
  ];
  return { first, last, givenBy: idsOf(others), reasons };
}

function systemsText({ systems, host }: AskedSystems): string {
  const ids = idsOf(systems.filter(isSystem)).join(', ');
  if (!host) return ids === '' ? 'a system that does as IANA asks' : ids;
  return ids === '' ? 'this host' : `${ids} or of this host`;
}

/** Who has the sockets is looked up for those alone that are told. */
function withReasons(
  passedOver: readonly PassedOver[],
  { sockets }: SuggestDeps,
): { port: number; reasons: string[] }[] {
  const inodes = passedOver.flatMap(({ obstacles }) =>
    obstacles.flatMap((obstacle) => (obstacle.kind === 'held' ? [obstacle.socket.inode] : [])),
  );
  const known = inodes.filter((inode) => inode !== 0);
  const owners = known.length > 0 ? sockets.owners(new Set(known)).owners : new Map();
  return passedOver.map(({ port, obstacles }) => ({ port, reasons: obstacleTexts(obstacles, owners) }));
}

function giveUpIds({ systems, host, left, example }: GiveUp): SuggestReport['giveUp'] {
  return { systems: idsOf(systems), host, left, example };
}

/** Counts the range that Stratus's guide advises. */
function adviceOf({ protocols, iana }: Constraints): Advice {
  const { first, last } = STRATUS_ADVICE;
  let assigned = 0;
  let kept = 0;
  for (let port = first; port <= last; port++) {
    const statuses = protocols.map((protocol) => iana.status(port, protocol));
    if (statuses.includes('assigned')) assigned++;
    else if (statuses.includes('reserved')) kept++;
  }
  const systems = idsOf(givenBy(first, last, protocols));
  return { first, last, ports: last - first + 1, assigned, kept, givenBy: systems };
}

/** The ports that already have the name. */
function knownPorts(name: string, { iana, services }: SuggestDeps): string[] {
  const listed = services.entriesNamed(name).map(({ port, protocol }) => `${port}/${protocol}`);
  const assigned = iana.named(name).map(({ port, protocol }) => `${port}/${protocol}`);
  return [
    ...assigned.map((key) => `${key}, by IANA`),
    ...listed.filter((key) => !assigned.includes(key)).map((key) => `${key}, by /etc/services`),
  ];
}
