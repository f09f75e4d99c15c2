// Which systems are to be left out, as few as can be, where all together leave no port to choose.
import { PORT_MAX, PORT_MIN } from '../../base/port.ts';
import type { Stack } from '../../names/core/stack.ts';
import type { Constraints, Obstacles } from './obstacles.ts';

/** The fewest systems to be left out so that there are enough ports. */
export interface GiveUp {
  readonly systems: readonly Stack[];
  /** Whether this host is to give its clients other ports as well. */
  readonly host: boolean;
  /** How many ports, or blocks, there are then. */
  readonly left: number;
  /** The first ports of the first of them. */
  readonly example: number;
}

/** How many blocks are wanted, of how many ports. */
interface Wanted {
  readonly count: number;
  readonly size: number;
}

/** A set of systems: a bit for each of those that were asked for, and one for this host behind them. */
type Systems = number;

/**
 * Every port that nothing but systems speaks against stands for the systems that give it to clients: leaving out these
 * frees it, with all ports that are given by fewer of them. Undefined where even with no system there is not enough.
 */
export function giveUp(wanted: Wanted, constraints: Constraints, obstacles: Obstacles): GiveUp | undefined {
  const masks = blockMasks(wanted.size, constraints, obstacles);
  const distinct = [...new Set(masks)].filter((mask): mask is Systems => mask !== undefined);
  const candidates = [...distinct, distinct.reduce((all, mask) => all | mask, 0)].map((mask) => ({
    mask,
    ...countFreed(mask, masks, wanted.size),
  }));
  const enough = candidates.filter(({ left }) => left >= wanted.count);
  const [best] = enough.toSorted(
    (a, b) =>
      bits(a.mask) - bits(b.mask) ||
      commonIn(a.mask, constraints) - commonIn(b.mask, constraints) ||
      b.left - a.left,
  );
  if (!best) return undefined;
  const systems = constraints.systems.filter((_, at) => (best.mask & (1 << at)) !== 0);
  return { systems, host: (best.mask & hostBit(constraints)) !== 0, left: best.left, example: best.example };
}

const hostBit = ({ systems }: Constraints): Systems => 1 << systems.length;

/** For the first port of each block the systems that are in its way; undefined where something else is. */
function blockMasks(size: number, constraints: Constraints, obstacles: Obstacles): (Systems | undefined)[] {
  const givers = systemsAt(constraints);
  const masks: (Systems | undefined)[] = new Array(PORT_MAX + 1).fill(undefined);
  // How many ports from here on have nothing but systems in their way.
  let run = 0;
  for (let start = PORT_MAX; start >= PORT_MIN; start--) {
    run = obstacles.isNobodys(start) ? run + 1 : 0;
    if (run >= size) masks[start] = together(givers, start, size);
  }
  return masks;
}

/** For each port the systems that give it to clients. */
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

function together(givers: Int32Array, start: number, size: number): Systems {
  let mask: Systems = 0;
  for (let port = start; port < start + size; port++) mask |= givers[port] ?? 0;
  return mask;
}

/** How many blocks, none of which overlaps another one, are free when some systems are left out. */
function countFreed(
  leftOut: Systems,
  masks: readonly (Systems | undefined)[],
  size: number,
): { readonly left: number; readonly example: number } {
  let left = 0;
  let example = 0;
  for (let start: number = PORT_MIN; start <= PORT_MAX; ) {
    const mask = masks[start];
    const isFree = mask !== undefined && (mask & ~leftOut) === 0;
    if (isFree && left++ === 0) example = start;
    start += isFree ? size : 1;
  }
  return { left, example };
}

function bits(mask: Systems): number {
  let count = 0;
  for (let rest = mask; rest !== 0; rest &= rest - 1) count++;
  return count;
}

/** How many of them are met today: rather one that is not. */
function commonIn(mask: Systems, { systems }: Constraints): number {
  return systems.filter(({ group }, at) => group === 'today' && (mask & (1 << at)) !== 0).length;
}
