// `portreeve suggest`: chooses ports without conflicts, and reports why others were skipped.
import { PortreeveError } from '../../base/errors.ts';
import { nearest } from '../../base/nearest.ts';
import type { Protocol } from '../../base/port.ts';
import type { Sysctls } from '../../host/host.ts';
import { readKernelPorts } from '../../names/app/kernel-ports.ts';
import type { Iana, IanaStatus } from '../../names/core/iana.ts';
import type { ServiceNames } from '../../names/core/services.ts';
import type { Stack } from '../../names/core/stack.ts';
import { isSystem, STACKS, stacksNamed, stackWords } from '../../names/core/stacks.ts';
import { STRATUS_ADVICE } from '../../names/core/stratus-table.ts';
import { profileInForce } from '../../profile/app/in-force.ts';
import type { ProfileArchive } from '../../profile/core/archive.ts';
import type { OpenSockets } from '../../sockets/core/open-sockets.ts';
import type { Exclusion } from '../core/exclusion.ts';
import type { Constraints } from '../core/obstacles.ts';
import { type Choice, ephemeralOn, type PortRequest, type Skipped, suggest } from '../core/suggest.ts';
import { obstacleTexts } from './obstacle-texts.ts';

export interface SuggestDeps {
  readonly sysctls: Pick<Sysctls, 'read'>;
  readonly sockets: Pick<OpenSockets, 'list' | 'owners'>;
  readonly archive: ProfileArchive;
  readonly iana: Iana;
  /** /etc/services. */
  readonly services: ServiceNames;
}

/** The systems whose ephemeral ranges are to be avoided. */
interface SystemSelection {
  readonly systems: readonly Stack[];
  /** Whether to avoid that of this host. */
  readonly host: boolean;
}

/** A suggested port or block. */
export interface SuggestedPorts {
  readonly first: number;
  readonly last: number;
  /** Other systems in whose ephemeral range it is. */
  readonly ephemeralOn: readonly string[];
  readonly reasons: readonly string[];
}

/** A recommended range, with the number of ports that are not free. */
interface Advice {
  readonly first: number;
  readonly last: number;
  readonly ports: number;
  /** Ports that IANA has assigned or reserved for one of the protocols. */
  readonly assigned: number;
  readonly reserved: number;
  /** The systems whose ephemeral range overlaps it. */
  readonly ephemeralOn: readonly string[];
}

export interface SuggestReport {
  readonly protocols: readonly Protocol[];
  readonly systems: readonly string[];
  readonly host: boolean;
  readonly suggestions: readonly SuggestedPorts[];
  readonly skipped: readonly { readonly port: number; readonly reasons: readonly string[] }[];
  readonly skippedCount: number;
  /** Systems to exclude; undefined if there are enough ports, or if it would not help. */
  readonly exclusion:
    | {
        readonly systems: readonly string[];
        readonly host: boolean;
        readonly available: number;
        readonly example: number;
      }
    | undefined;
  readonly advice: Advice;
  /** Ports that already have the requested name: "5432/tcp (IANA)". */
  readonly existing: readonly string[];
}

/** The word of --stacks for this host. */
const HOST = 'host';

/**
 * Parses a list such as "today", "linux,freebsd" or "all,-irix,-host". A word with a leading "-" is excluded; if it is
 * the first, the list starts with "today". This host is included unless excluded. Throws PortreeveError
 * `STACK_UNKNOWN` and `STACKS_EMPTY` (usage).
 */
export function parseSystems(text: string): SystemSelection {
  const parts = text.split(',').map((word) => word.trim());
  const wanted = new Set<Stack>(parts[0]?.startsWith('-') ? stacksNamed('today') : []);
  let host = true;
  for (const part of parts) {
    const isExcluded = part.startsWith('-');
    const word = isExcluded ? part.slice(1) : part;
    if (word.toLowerCase() === HOST) {
      host = !isExcluded;
      continue;
    }
    for (const stack of stacksNamed(word) ?? unknown(word)) {
      if (isExcluded) wanted.delete(stack);
      else wanted.add(stack);
    }
  }
  if (wanted.size === 0 && !host) {
    const hint = 'Name a system, such as --stacks linux. For a list, run: portreeve stacks';
    throw new PortreeveError('STACKS_EMPTY', `--stacks ${text} excludes every system`, hint);
  }
  return { systems: STACKS.filter((stack) => wanted.has(stack)), host };
}

function unknown(word: string): never {
  const close = nearest(word.toLowerCase(), [...stackWords(), HOST]);
  const hint = close === undefined ? 'For a list, run: portreeve stacks' : `Did you mean "${close}"?`;
  throw new PortreeveError('STACK_UNKNOWN', `"${word}" is not a known system`, hint, { word });
}

/** Reads this host and chooses. Throws what `deps` throw. */
export function suggestPorts(
  request: PortRequest,
  selection: SystemSelection,
  protocols: readonly Protocol[],
  deps: SuggestDeps,
): SuggestReport {
  const kernel = readKernelPorts(deps.sysctls);
  const constraints: Constraints = {
    protocols,
    systems: selection.systems,
    ephemeral: selection.host ? kernel.ephemeral : undefined,
    reserved: kernel.reserved,
    iana: deps.iana,
    services: deps.services,
    reservations: profileInForce(deps.archive).profile.reservations,
    sockets: deps.sockets.list(),
  };
  const { choices, skipped, skippedCount, exclusion } = suggest(request, constraints);
  return {
    protocols,
    systems: selection.systems.map(({ id }) => id),
    host: selection.host,
    suggestions: choices.map((choice) => suggestedPorts(choice, selection)),
    skipped: withReasons(skipped, deps),
    skippedCount,
    exclusion: exclusion && exclusionJson(exclusion),
    advice: adviceOf(constraints),
    existing: request.name === undefined ? [] : existingPorts(request.name, deps),
  };
}

const idsOf = (stacks: readonly Stack[]) => stacks.map(({ id }) => id);

function suggestedPorts(
  { first, last, ephemeralOn: others }: Choice,
  selection: SystemSelection,
): SuggestedPorts {
  const reasons = [
    `not in the ephemeral range of ${systemsText(selection)}`,
    'not assigned or reserved by IANA, and not named in /etc/services',
    'not in the default range of well-known software',
    'not in use on this host',
    'not reserved by the profile in force or net.ipv4.ip_local_reserved_ports',
    'not blocked by browsers',
  ];
  return { first, last, ephemeralOn: idsOf(others), reasons };
}

function systemsText({ systems, host }: SystemSelection): string {
  const ids = idsOf(systems.filter(isSystem)).join(', ');
  if (!host) return ids === '' ? 'IANA' : ids;
  return ids === '' ? 'this host' : `${ids} or this host`;
}

/** Looks up socket owners only for the ports that are reported. */
function withReasons(
  skipped: readonly Skipped[],
  { sockets }: SuggestDeps,
): { port: number; reasons: string[] }[] {
  const inodes = skipped.flatMap(({ obstacles }) =>
    obstacles.flatMap((obstacle) => (obstacle.kind === 'in-use' ? [obstacle.socket.inode] : [])),
  );
  const open = inodes.filter((inode) => inode !== 0);
  const owners = open.length > 0 ? sockets.owners(new Set(open)).owners : new Map();
  return skipped.map(({ port, obstacles }) => ({ port, reasons: obstacleTexts(obstacles, owners) }));
}

function exclusionJson({ systems, host, available, example }: Exclusion): SuggestReport['exclusion'] {
  return { systems: idsOf(systems), host, available, example };
}

/** Evaluates the range that Stratus's guide recommends. */
function adviceOf({ protocols, iana }: Constraints): Advice {
  const { first, last } = STRATUS_ADVICE;
  const statuses = new Map<number, IanaStatus>();
  for (const protocol of protocols) {
    for (const port of iana.taken(protocol)) {
      if (port < first || port > last || statuses.get(port) === 'assigned') continue;
      statuses.set(port, iana.status(port, protocol));
    }
  }
  const assigned = [...statuses.values()].filter((status) => status === 'assigned').length;
  const reserved = statuses.size - assigned;
  const systems = idsOf(ephemeralOn(first, last, protocols));
  return { first, last, ports: last - first + 1, assigned, reserved, ephemeralOn: systems };
}

function existingPorts(name: string, { iana, services }: SuggestDeps): string[] {
  const listed = services.entriesNamed(name).map(({ port, protocol }) => `${port}/${protocol}`);
  const assigned = iana.named(name).map(({ port, protocol }) => `${port}/${protocol}`);
  return [
    ...assigned.map((key) => `${key} (IANA)`),
    ...listed.filter((key) => !assigned.includes(key)).map((key) => `${key} (/etc/services)`),
  ];
}
