// The table of calls by procedure that `portreeve status` and `portreeve portmap stats` print.

import type { Column } from '../../base/table.ts';
import { procedureName } from '../core/procedures.ts';

export interface CallRow {
  readonly version: number;
  readonly procedure: string;
  readonly count: number;
}

export const CALL_COLUMNS: readonly Column<CallRow>[] = [
  { title: 'VERSION', text: ({ version }) => `${version}`, isNumber: true },
  { title: 'PROCEDURE', text: ({ procedure }) => procedure },
  { title: 'CALLS', text: ({ count }) => `${count}`, isNumber: true },
];

/** The procedures of a version that were called at least once. */
export function callRows(version: number, counts: readonly number[]): CallRow[] {
  return counts
    .map((count, number) => ({ version, procedure: procedureName(version, number), count }))
    .filter(({ count }) => count > 0);
}
