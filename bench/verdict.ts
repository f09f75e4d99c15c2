// Computes medians and ratios from measurements.

import type { Sample } from './measure.ts';

/** The medians over the rounds. For errors, the sums. */
export interface Medians {
  readonly opsPerSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** CPU time of the server per operation. */
  readonly cpuUs: number;
  readonly serverCore: number;
  readonly loaderCore: number;
  readonly rssPortmapMb: number;
  readonly rssTreeMb: number;
  readonly bad: number;
  readonly lost: number;
}

/** The performance of a server relative to another one. */
export interface Ratio {
  readonly byOps: number;
  readonly byCpu: number;
  /** Which of the two ratios counts. */
  readonly decidedBy: 'ops/s' | 'cpu/op';
  readonly value: number;
}

/** Operations per second are comparable only if the server was the bottleneck, and not the loader. */
const SERVER_BUSY_MIN = 0.95;
const LOADER_BUSY_MAX = 0.9;

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low = 0, high = low] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return (low + high) / 2;
}

export function mediansOf(samples: readonly Sample[]): Medians {
  const of = (value: (sample: Sample) => number): number => median(samples.map(value));
  const sum = (value: (sample: Sample) => number): number =>
    samples.reduce((total, sample) => total + value(sample), 0);
  return {
    opsPerSecond: of(({ ops, seconds }) => ops / seconds),
    p50Us: of(({ p50Us }) => p50Us),
    p99Us: of(({ p99Us }) => p99Us),
    cpuUs: of(({ serverSeconds, ops }) => (serverSeconds / Math.max(ops, 1)) * 1e6),
    serverCore: of(({ serverCore }) => serverCore),
    loaderCore: of(({ loaderCore }) => loaderCore),
    rssPortmapMb: of(({ rssPortmapMb }) => rssPortmapMb),
    rssTreeMb: of(({ rssTreeMb }) => rssTreeMb),
    bad: sum(({ bad }) => bad),
    lost: sum(({ lost }) => lost),
  };
}

/** Compares two servers under one load. */
export function ratioOf(server: Medians, other: Medians): Ratio {
  const byOps = server.opsPerSecond / other.opsPerSecond;
  const byCpu = other.cpuUs / server.cpuUs;
  const countsByOps = [server, other].every(
    ({ serverCore, loaderCore }) => serverCore >= SERVER_BUSY_MIN && loaderCore < LOADER_BUSY_MAX,
  );
  return countsByOps
    ? { byOps, byCpu, decidedBy: 'ops/s', value: byOps }
    : { byOps, byCpu, decidedBy: 'cpu/op', value: byCpu };
}

/** Whether every call had a correct reply. */
export function isFlawless({ bad, lost }: Medians): boolean {
  return bad === 0 && lost === 0;
}
