// Chooses ports without conflicts in a fixed order, so that the same request has the same result.
import { PORT_MAX, type Protocol } from '../../base/port.ts';
import { IANA_RANGES } from '../../names/core/iana.ts';
import type { Stack, StackRange } from '../../names/core/stack.ts';
import { STACKS } from '../../names/core/stacks.ts';
import { type Exclusion, findExclusion } from './exclusion.ts';
import { type Constraints, type Obstacle, Obstacles } from './obstacles.ts';

/** Lower ports need privilege and are never chosen. */
const LOWEST = IANA_RANGES.user.first;

/** Skipped ports that are reported individually. */
const SKIPPED_MAX = 100;

export interface PortRequest {
  /** The number of ports or blocks. */
  readonly count: number;
  /** The number of consecutive ports in a block. */
  readonly size: number;
  /** Prefer the nearest to this port. */
  readonly near: number | undefined;
  /** The name of the service; each name has its own order of ports. */
  readonly name: string | undefined;
}

/** A chosen port or block. */
export interface Choice {
  readonly first: number;
  readonly last: number;
  /** Other systems in whose ephemeral range one of them is. */
  readonly ephemeralOn: readonly Stack[];
}

/** A port that precedes the last chosen one in the order, and the reasons against it. */
export interface Skipped {
  readonly port: number;
  readonly obstacles: readonly Obstacle[];
}

interface Suggested {
  readonly choices: readonly Choice[];
  /** The first SKIPPED_MAX skipped ports. */
  readonly skipped: readonly Skipped[];
  readonly skippedCount: number;
  /** Undefined if enough ports were found, or if excluding systems does not help. */
  readonly exclusion: Exclusion | undefined;
}

export function suggest(request: PortRequest, constraints: Constraints): Suggested {
  const { count, size } = request;
  const obstacles = new Obstacles(constraints);
  const chosen = new Uint8Array(PORT_MAX + 1);
  const choices: Choice[] = [];
  const skipped = new Set<number>();
  for (const first of orderOf(request, constraints.protocols)) {
    if (choices.length === count) break;
    const last = first + size - 1;
    let port = first;
    while (port <= last && chosen[port] === 0 && obstacles.isFree(port)) port++;
    if (port > last) {
      chosen.fill(1, first, last + 1);
      choices.push({ first, last, ephemeralOn: ephemeralOn(first, last, constraints.protocols) });
    } else if (chosen[port] === 0) {
      skipped.add(port);
    }
  }
  return {
    choices,
    skipped: [...skipped].slice(0, SKIPPED_MAX).map((port) => ({ port, obstacles: obstacles.at(port) })),
    skippedCount: skipped.size,
    exclusion: choices.length < count ? findExclusion({ count, size }, constraints, obstacles) : undefined,
  };
}

/** All known systems whose ephemeral range contains one of the ports. */
export function ephemeralOn(first: number, last: number, protocols: readonly Protocol[]): Stack[] {
  return STACKS.filter(({ ephemeral }) =>
    protocols.some((protocol) => ephemeral[protocol].first <= last && first <= ephemeral[protocol].last),
  );
}

/** The first ports of blocks, in the order of preference. */
function orderOf({ size, near, name }: PortRequest, protocols: readonly Protocol[]): Iterable<number> {
  const lastStart = PORT_MAX - size + 1;
  return near === undefined ? leastEphemeral(size, lastStart, name, protocols) : outward(near, lastStart);
}

/** From a port outward to both sides; at the same distance the lower one first. */
function* outward(near: number, last: number): Generator<number> {
  for (let distance = 0; distance < PORT_MAX; distance++) {
    const [below, above] = [near - distance, near + distance];
    if (below >= LOWEST && below <= last) yield below;
    if (distance > 0 && above >= LOWEST && above <= last) yield above;
  }
}

/**
 * First the ports in the ephemeral ranges of the fewest systems, so that a port remains suitable if other systems are
 * used later; within these in the order of the name, or ascending.
 */
function* leastEphemeral(
  size: number,
  lastStart: number,
  name: string | undefined,
  protocols: readonly Protocol[],
): Generator<number> {
  const counts = countSystems(size, protocols);
  for (let systems = 0; systems <= STACKS.length; systems++) {
    const starts = startsWith(systems, counts, lastStart);
    yield* name === undefined ? starts : inOrderOf(name, [...starts]);
  }
}

/** The blocks that the ephemeral ranges of this number of systems overlap. Usually the first few are enough. */
function* startsWith(systems: number, counts: Uint8Array, lastStart: number): Generator<number> {
  for (let start = counts.indexOf(systems, LOWEST); start >= 0; start = counts.indexOf(systems, start + 1)) {
    if (start > lastStart) return;
    yield start;
  }
}

/** By first port of a block: the number of systems whose ephemeral range overlaps the block. */
function countSystems(size: number, protocols: readonly Protocol[]): Uint8Array {
  const counts = new Uint8Array(PORT_MAX + 1);
  // The number changes only where a range begins or ends.
  const edges = STACKS.flatMap(({ ephemeral }) =>
    protocols.flatMap((protocol) => [startOf(ephemeral[protocol], size), ephemeral[protocol].last + 1]),
  );
  const ordered = [...new Set([0, ...edges])].sort((a, b) => a - b);
  for (const [index, from] of ordered.entries()) {
    const overlapping = STACKS.filter(({ ephemeral }) =>
      protocols.some(
        (protocol) => startOf(ephemeral[protocol], size) <= from && from <= ephemeral[protocol].last,
      ),
    );
    counts.fill(overlapping.length, from, ordered[index + 1] ?? PORT_MAX + 1);
  }
  return counts;
}

/** The first port of the first block that overlaps a range. */
function startOf({ first }: StackRange, size: number): number {
  return Math.max(0, first - size + 1);
}

/** A pseudorandom order that depends only on the name. */
function inOrderOf(name: string, ports: readonly number[]): number[] {
  const hashes = new Map(ports.map((port) => [port, hashOf(name, port)]));
  return ports.toSorted((a, b) => (hashes.get(a) ?? 0) - (hashes.get(b) ?? 0) || a - b);
}

/**
 * Rendezvous hashing: the hash of a name and a port does not depend on other ports, so that the others keep their
 * order when one is added or removed.
 */
function hashOf(name: string, port: number): number {
  // FNV-1a followed by the finalizer of MurmurHash3, because FNV hardly mixes the last characters.
  let hash = 0x811c9dc5;
  for (const char of `${name}/${port}`) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
