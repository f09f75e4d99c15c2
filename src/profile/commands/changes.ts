// Prints the differences between two profiles as a table.

import { printable } from '../../base/printable.ts';
import type { Column } from '../../base/table.ts';
import type { Io } from '../../kit/io.ts';
import { formatTable } from '../../kit/text.ts';
import type { ProfileChange } from '../core/diff.ts';

const MARKS: Readonly<Record<ProfileChange['kind'], string>> = { added: '+', removed: '-', changed: '~' };

const COLUMNS: readonly Column<ProfileChange>[] = [
  { title: '', text: ({ kind }) => MARKS[kind] },
  { title: 'ITEM', text: ({ item }) => item },
  { title: 'VALUE', text: valueText },
  { title: 'RULE', text: ({ beforeAt, afterAt }) => ruleText(afterAt ?? beforeAt) },
];

/** A table with a line for each change. */
export function changesText(io: Io, changes: readonly ProfileChange[]): string {
  return formatTable(io, COLUMNS, changes);
}

/** "2 added, 1 removed", or "no changes". */
export function changesSummary(changes: readonly ProfileChange[]): string {
  const counts = (['added', 'removed', 'changed'] as const).flatMap((kind) => {
    const count = changes.filter((change) => change.kind === kind).length;
    return count === 0 ? [] : [`${count} ${kind}`];
  });
  return counts.length === 0 ? 'no changes' : counts.join(', ');
}

function valueText({ kind, before = '', after = '' }: ProfileChange): string {
  if (kind !== 'changed') return before + after;
  return `${before === '' ? '(none)' : before} -> ${after === '' ? '(none)' : after}`;
}

/** The place of a rule: "profile.tcpip:12". */
export function ruleText(rule: { readonly file: string; readonly line: number } | undefined): string {
  return rule ? `${printable(rule.file)}:${rule.line}` : '-';
}
