// Chooses ports that nobody else gets: in a fixed order, so that the same question has the same answer.
import { PORT_MAX, type Protocol } from '../../base/port.ts';
import { IANA_RANGES } from '../../names/core/iana.ts';
import type { Stack } from '../../names/core/stack.ts';
import { STACKS } from '../../names/core/stacks.ts';
import { type GiveUp, giveUp } from './give-up.ts';
import { type Constraints, type Obstacle, Obstacles } from './obstacles.ts';

/** A port below takes a privilege, and is nothing to choose. */
const LOWEST = IANA_RANGES.user.first;

/** Ports that were passed over and are told one by one. */
const PASSED_OVER_MAX = 100;

export interface PortRequest {
  /** How many ports, or blocks. */
  readonly count: number;
  /** How many ports a block has that follow each other. */
  readonly size: number;
  /** The nearest to this one come first. */
  readonly near: number | undefined;
  /** What they are for: each name has an order of its own. */
  readonly name: string | undefined;
}

/** Ports that can be had, `first` to `last`. */
export interface Choice {
  readonly first: number;
  readonly last: number;
  /** The systems that give one of them to clients: none of those that were asked for. */
  readonly givenBy: readonly Stack[];
}

/** A port that would have come before the last one that was chosen, and what speaks against it. */
export interface PassedOver {
  readonly port: number;
  readonly obstacles: readonly Obstacle[];
}

interface Suggested {
  readonly choices: readonly Choice[];
  /** The first of those that were passed over, and how many there are. */
  readonly passedOver: readonly PassedOver[];
  readonly passedOverCount: number;
  /** Undefined where enough was found, and where it does not depend on the systems. */
  readonly giveUp: GiveUp | undefined;
}

export function suggest(request: PortRequest, constraints: Constraints): Suggested {
  const { count, size } = request;
  const obstacles = new Obstacles(constraints);
  const chosen = new Uint8Array(PORT_MAX + 1);
  const choices: Choice[] = [];
  const passedOver = new Set<number>();
  for (const first of orderOf(request, constraints.protocols)) {
    if (choices.length === count) break;
    const last = first + size - 1;
    let port = first;
    while (port <= last && chosen[port] === 0 && obstacles.isFree(port)) port++;
    if (port > last) {
      chosen.fill(1, first, last + 1);
      choices.push({ first, last, givenBy: givenBy(first, last, constraints.protocols) });
    } else if (chosen[port] === 0) {
      passedOver.add(port);
    }
  }
  return {
    choices,
    passedOver: [...passedOver]
      .slice(0, PASSED_OVER_MAX)
      .map((port) => ({ port, obstacles: obstacles.at(port) })),
    passedOverCount: passedOver.size,
    giveUp: choices.length < count ? giveUp({ count, size }, constraints, obstacles) : undefined,
  };
}

/** The systems that give one of the ports to clients, of all that are known. */
export function givenBy(first: number, last: number, protocols: readonly Protocol[]): Stack[] {
  return STACKS.filter(({ ephemeral }) =>
    protocols.some((protocol) => ephemeral[protocol].first <= last && first <= ephemeral[protocol].last),
  );
}

/** The first ports of blocks, in the order in which they are tried. */
function orderOf({ size, near, name }: PortRequest, protocols: readonly Protocol[]): Iterable<number> {
  const lastStart = PORT_MAX - size + 1;
  return near === undefined ? leastGiven(size, lastStart, name, protocols) : outward(near, lastStart);
}

/** From a port to both sides; of two that are as near the lower one first. */
function* outward(near: number, last: number): Generator<number> {
  for (let distance = 0; distance < PORT_MAX; distance++) {
    const [below, above] = [near - distance, near + distance];
    if (below >= LOWEST && below <= last) yield below;
    if (distance > 0 && above >= LOWEST && above <= last) yield above;
  }
}

/**
 * First those that the fewest of all known systems give to clients, so that a port stays good where others come to be
 * used; of these in the order of the name, or from the lowest up.
 */
function* leastGiven(
  size: number,
  lastStart: number,
  name: string | undefined,
  protocols: readonly Protocol[],
): Generator<number> {
  const given = countGivenBy(size, protocols);
  const buckets: number[][] = Array.from({ length: STACKS.length + 1 }, () => []);
  for (let start: number = LOWEST; start <= lastStart; start++) buckets[given[start] ?? 0]?.push(start);
  for (const bucket of buckets) yield* name === undefined ? bucket : inOrderOf(name, bucket);
}

/** For the first port of each block: how many of all known systems give a port of the block to clients. */
function countGivenBy(size: number, protocols: readonly Protocol[]): Uint8Array {
  const counts = new Uint8Array(PORT_MAX + 1);
  for (const { ephemeral } of STACKS) {
    const gives = new Uint8Array(PORT_MAX + 1);
    for (const protocol of protocols) {
      const { first, last } = ephemeral[protocol];
      gives.fill(1, Math.max(0, first - size + 1), last + 1);
    }
    for (let port = 0; port <= PORT_MAX; port++) counts[port] = (counts[port] ?? 0) + (gives[port] ?? 0);
  }
  return counts;
}

/** Ports as a name has them: in an order that is a matter of chance, but always the same. */
function inOrderOf(name: string, ports: readonly number[]): number[] {
  const places = new Map(ports.map((port) => [port, placeOf(name, port)]));
  return ports.toSorted((a, b) => (places.get(a) ?? 0) - (places.get(b) ?? 0) || a - b);
}

/**
 * A number for a name and a port. It does not depend on other ports: where one of them goes or comes, the others keep
 * their order (rendezvous hashing).
 */
function placeOf(name: string, port: number): number {
  // FNV-1a, with the last steps of MurmurHash3 behind it, because FNV hardly mixes the last characters.
  let hash = 0x811c9dc5;
  for (const char of `${name}/${port}`) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
