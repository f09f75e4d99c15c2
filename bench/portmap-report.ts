// The results of the portmap benchmark: ratios, limits, and tables.

import type { Sample, Server } from './measure.ts';
import type { Recovery } from './recovery.ts';
import { numberText, table } from './table.ts';
import { isFlawless, type Medians, median, mediansOf, type Ratio, ratioOf } from './verdict.ts';

export interface Load {
  readonly id: string;
  readonly title: string;
  /** The arguments of the loader. */
  readonly argv: readonly string[];
  /** The minimum ratio of portmap to rpcbind at each number of mappings. */
  readonly floors?: readonly [number, number, number];
  /** The latency that must not exceed rpcbind's. */
  readonly latency?: 'p50Us' | 'p99Us';
  /** The minimum ratio of portmap to the responder. */
  readonly responderFloor?: number;
}

/** The samples of every load, table size and server, one per round. */
export type Measured = Map<`${string} ${number} ${Server}`, readonly Sample[]>;

export interface RatioRow extends Ratio {
  readonly load: string;
  readonly mappings: number;
  readonly comparedWith: Server;
  readonly otherOpsPerSecond: number;
  readonly portreeveOpsPerSecond: number;
  readonly floor: number;
  readonly reached: boolean;
}

/** A value with an upper limit. */
export interface BoundRow {
  readonly what: string;
  readonly mappings: number;
  readonly value: number;
  readonly bound: number;
  readonly reached: boolean;
}

export interface Verdicts {
  readonly ratios: readonly RatioRow[];
  readonly bounds: readonly BoundRow[];
}

const FLOOR_OF_MAPPINGS: Readonly<Record<number, 0 | 1 | 2>> = { 10: 0, 1000: 1, 10000: 2 };
const MEMORY_AT_MAPPINGS = 10_000;
const RSS_PORTMAP_MAX_MB = 80;
const RSS_TREE_MAX_MB = 170;
const START_MAX_MS = 500;
const RECOVERY_MAX_MS = 1000;

export function judge(
  loads: readonly Load[],
  mappings: readonly number[],
  measured: Measured,
  starts: readonly number[],
  recoveries: readonly Recovery[],
): Verdicts {
  const medians = (load: Load, count: number, server: Server): Medians =>
    mediansOf(measured.get(`${load.id} ${count} ${server}`) ?? []);
  const cells = loads.flatMap((load) => mappings.map((count) => ({ load, count })));
  return {
    ratios: cells.flatMap(({ load, count }) => ratioRows(load, count, medians)),
    bounds: [
      ...cells.flatMap(({ load, count }) => latencyRows(load, count, medians)),
      ...cells.map(({ load, count }) => flawRow(load, count, medians)),
      ...memoryRows(loads, mappings, medians),
      bound('start to first reply over UDP, ms', 0, median(starts), START_MAX_MS),
      ...recoveryRows(recoveries),
    ],
  };
}

type MediansOf = (load: Load, count: number, server: Server) => Medians;

function bound(what: string, mappings: number, value: number, limit: number): BoundRow {
  return { what, mappings, value, bound: limit, reached: value <= limit };
}

function ratioRows(load: Load, mappings: number, medians: MediansOf): RatioRow[] {
  const portreeve = medians(load, mappings, 'portreeve');
  const row = (comparedWith: Server, floor: number): RatioRow => {
    const other = medians(load, mappings, comparedWith);
    const ratio = ratioOf(portreeve, other);
    const rates = {
      otherOpsPerSecond: other.opsPerSecond,
      portreeveOpsPerSecond: portreeve.opsPerSecond,
    };
    const reached = ratio.value >= floor && isFlawless(portreeve);
    return { load: load.title, mappings, comparedWith, ...rates, ...ratio, floor, reached };
  };
  const floor = load.floors?.[FLOOR_OF_MAPPINGS[mappings] ?? 0];
  return [
    ...(floor === undefined ? [] : [row('rpcbind', floor)]),
    ...(load.responderFloor === undefined ? [] : [row('responder', load.responderFloor)]),
  ];
}

function latencyRows(load: Load, mappings: number, medians: MediansOf): BoundRow[] {
  const { latency } = load;
  if (latency === undefined) return [];
  const [portreeve, other] = [medians(load, mappings, 'portreeve'), medians(load, mappings, 'rpcbind')];
  const what = `${latency === 'p50Us' ? 'p50' : 'p99'} us: ${load.title}`;
  return [bound(what, mappings, portreeve[latency], other[latency])];
}

function flawRow(load: Load, mappings: number, medians: MediansOf): BoundRow {
  const { bad, lost } = medians(load, mappings, 'portreeve');
  return bound(`wrong replies and lost calls: ${load.title}`, mappings, bad + lost, 0);
}

/** The maximum of all loads. */
function memoryRows(loads: readonly Load[], mappings: readonly number[], medians: MediansOf): BoundRow[] {
  if (!mappings.includes(MEMORY_AT_MAPPINGS)) return [];
  const all = loads.map((load) => medians(load, MEMORY_AT_MAPPINGS, 'portreeve'));
  const portmap = Math.max(...all.map(({ rssPortmapMb }) => rssPortmapMb));
  const tree = Math.max(...all.map(({ rssTreeMb }) => rssTreeMb));
  return [
    bound('memory of the portmap process, MB', MEMORY_AT_MAPPINGS, portmap, RSS_PORTMAP_MAX_MB),
    bound('memory of the whole tree, MB', MEMORY_AT_MAPPINGS, tree, RSS_TREE_MAX_MB),
  ];
}

function recoveryRows(recoveries: readonly Recovery[]): BoundRow[] {
  return [...Map.groupBy(recoveries, ({ killed }) => killed)].flatMap(([killed, those]) => {
    const times = those.map(({ ms }) => ms);
    const row = (what: string, ms: number): BoundRow =>
      bound(`recovery after kill -9 of ${killed}, ${what} of ${times.length}, ms`, 0, ms, RECOVERY_MAX_MS);
    return [row('median', median(times)), row('maximum', Math.max(...times))];
  });
}

/** Errors, whose limit is 0, are listed only if there are any. */
export function report({ ratios, bounds }: Verdicts): string {
  const shown = bounds.filter(({ bound: limit, value }) => limit > 0 || value > 0);
  const flawless = bounds.length - shown.length;
  const verdicts = [...ratios, ...bounds];
  const reached = verdicts.filter((row) => row.reached).length;
  return [
    ratioTable(ratios),
    boundTable(shown),
    ...(flawless > 0 ? [`${flawless} loads without wrong replies and lost calls.`] : []),
    `${reached} of ${verdicts.length} limits met.`,
  ].join('\n\n');
}

function ratioTable(rows: readonly RatioRow[]): string {
  const head = [
    'load',
    'mappings',
    'compared with',
    'its ops/s',
    'portreeve ops/s',
    'by ops/s',
    'by cpu/op',
    'decided by',
    'minimum',
    '',
  ];
  return table(
    head,
    rows.map((row) => [
      row.load,
      numberText(row.mappings),
      row.comparedWith,
      numberText(row.otherOpsPerSecond),
      numberText(row.portreeveOpsPerSecond),
      row.byOps.toFixed(2),
      row.byCpu.toFixed(2),
      row.decidedBy,
      numberText(row.floor),
      verdictText(row.reached),
    ]),
  );
}

function boundTable(rows: readonly BoundRow[]): string {
  return table(
    ['measurement', 'mappings', 'portreeve', 'limit', ''],
    rows.map((row) => [
      row.what,
      row.mappings === 0 ? '' : numberText(row.mappings),
      numberText(row.value),
      numberText(row.bound),
      verdictText(row.reached),
    ]),
  );
}

function verdictText(reached: boolean): string {
  return reached ? 'met' : 'MISSED';
}
