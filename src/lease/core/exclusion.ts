// Finds the fewest systems to exclude if their ephemeral ranges leave too few ports.
import { PORT_MAX, PORT_MIN } from '../../base/port.ts';
import type { Stack } from '../../names/core/stack.ts';
import type { Constraints, Obstacles } from './obstacles.ts';

export interface Exclusion {
  readonly systems: readonly Stack[];
  /** Whether to exclude the ephemeral range of this host as well. */
  readonly host: boolean;
  /** The number of ports or blocks available then. */
  readonly available: number;
  /** The first port of the first of them. */
  readonly example: number;
}

/** The number of blocks and the number of ports in each. */
interface Wanted {
  readonly count: number;
  readonly size: number;
}

/** A set of systems: a bit for each selected system, followed by one for this host. */
type Systems = number;

/**
 * The candidates are the sets of systems whose ephemeral ranges contain a port that is otherwise free. Excluding such a
 * set frees that port, and all ports in the ranges of a subset. Undefined if even without any system there are too few.
 */
export function findExclusion(
  wanted: Wanted,
  constraints: Constraints,
  obstacles: Obstacles,
): Exclusion | undefined {
  const masks = blockMasks(wanted.size, constraints, obstacles);
  const distinct = [...new Set(masks)].filter((mask): mask is Systems => mask !== undefined);
  const candidates = [...distinct, distinct.reduce((all, mask) => all | mask, 0)].map((mask) => ({
    mask,
    ...countFreed(mask, masks, wanted.size),
  }));
  const enough = candidates.filter(({ available }) => available >= wanted.count);
  const [best] = enough.toSorted(
    (a, b) =>
      bits(a.mask) - bits(b.mask) ||
      commonIn(a.mask, constraints) - commonIn(b.mask, constraints) ||
      b.available - a.available,
  );
  if (!best) return undefined;
  const systems = constraints.systems.filter((_, at) => (best.mask & (1 << at)) !== 0);
  return {
    systems,
    host: (best.mask & hostBit(constraints)) !== 0,
    available: best.available,
    example: best.example,
  };
}

const hostBit = ({ systems }: Constraints): Systems => 1 << systems.length;

/** By first port of a block: the systems in whose ephemeral range it is; undefined if it is not otherwise free. */
function blockMasks(size: number, constraints: Constraints, obstacles: Obstacles): (Systems | undefined)[] {
  const systems = systemsAt(constraints);
  const masks: (Systems | undefined)[] = new Array(PORT_MAX + 1).fill(undefined);
  // The number of consecutive ports from here on that are otherwise free.
  let run = 0;
  for (let start = PORT_MAX; start >= PORT_MIN; start--) {
    run = obstacles.isOnlyEphemeral(start) ? run + 1 : 0;
    if (run >= size) masks[start] = union(systems, start, size);
  }
  return masks;
}

/** By port: the systems in whose ephemeral range it is. */
function systemsAt(constraints: Constraints): Int32Array {
  const { systems, protocols, ephemeral } = constraints;
  const masks = new Int32Array(PORT_MAX + 1);
  const mark = ({ first, last }: { readonly first: number; readonly last: number }, bit: Systems) => {
    for (let port = first; port <= last; port++) masks[port] = (masks[port] ?? 0) | bit;
  };
  systems.forEach((stack, at) => {
    for (const protocol of protocols) mark(stack.ephemeral[protocol], 1 << at);
  });
  if (ephemeral) mark(ephemeral, hostBit(constraints));
  return masks;
}

function union(systems: Int32Array, start: number, size: number): Systems {
  let mask: Systems = 0;
  for (let port = start; port < start + size; port++) mask |= systems[port] ?? 0;
  return mask;
}

/** The number of free, non-overlapping blocks when some systems are excluded. */
function countFreed(
  excluded: Systems,
  masks: readonly (Systems | undefined)[],
  size: number,
): { readonly available: number; readonly example: number } {
  let available = 0;
  let example = 0;
  for (let start: number = PORT_MIN; start <= PORT_MAX; ) {
    const mask = masks[start];
    const isFree = mask !== undefined && (mask & ~excluded) === 0;
    if (isFree && available++ === 0) example = start;
    start += isFree ? size : 1;
  }
  return { available, example };
}

function bits(mask: Systems): number {
  let count = 0;
  for (let rest = mask; rest !== 0; rest &= rest - 1) count++;
  return count;
}

/** The number of systems in common use, which are excluded last. */
function commonIn(mask: Systems, { systems }: Constraints): number {
  return systems.filter(({ group }, at) => group === 'today' && (mask & (1 << at)) !== 0).length;
}
