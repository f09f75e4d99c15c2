// The difference between two profiles, for people: what was added, removed or changed, and by which statement.

import { printable } from '../../base/printable.ts';
import type { Column } from '../../base/table.ts';
import type { Io } from '../../kit/io.ts';
import { formatTable } from '../../kit/text.ts';
import type { ProfileChange } from '../core/diff.ts';

const MARKS: Readonly<Record<ProfileChange['kind'], string>> = { added: '+', removed: '-', changed: '~' };

const COLUMNS: readonly Column<ProfileChange>[] = [
  { title: '', text: ({ kind }) => MARKS[kind] },
  { title: 'WHAT', text: ({ what }) => what },
  { title: 'SAYS', text: saying },
  { title: 'RULE', text: ({ beforeAt, afterAt }) => ruleText(afterAt ?? beforeAt) },
];

/** A table with a line for each change. */
export function changesText(io: Io, changes: readonly ProfileChange[]): string {
  return formatTable(io, COLUMNS, changes);
}

/** "2 added, 1 removed", or "nothing changes". */
export function changesSummary(changes: readonly ProfileChange[]): string {
  const counts = (['added', 'removed', 'changed'] as const).flatMap((kind) => {
    const count = changes.filter((change) => change.kind === kind).length;
    return count === 0 ? [] : [`${count} ${kind}`];
  });
  return counts.length === 0 ? 'nothing changes' : counts.join(', ');
}

function saying({ kind, before = '', after = '' }: ProfileChange): string {
  if (kind !== 'changed') return before + after;
  return `${before === '' ? '(nothing)' : before} -> ${after === '' ? '(nothing)' : after}`;
}

/** Where a rule stands: "profile.tcpip:12". */
export function ruleText(rule: { readonly file: string; readonly line: number } | undefined): string {
  return rule ? `${printable(rule.file)}:${rule.line}` : '-';
}
