// Parses tables in the pages of docs/ for tests.

import { readFileSync } from 'node:fs';
import { ROOT } from './files.ts';

/** The rows of the table with these columns, by column name. */
export function tableOf(page: string, columns: readonly string[]): Record<string, string>[] {
  const lines = readFileSync(new URL(page, ROOT), 'utf8').split('\n');
  const heading = `| ${columns.join(' | ')} |`;
  const start = lines.indexOf(heading);
  if (start < 0) throw new Error(`${page} has no table with the columns ${heading}`);
  const rows: Record<string, string>[] = [];
  for (const line of lines.slice(start + 2)) {
    if (!line.startsWith('|')) break;
    const cells = line.split('|').slice(1, -1);
    if (cells.length !== columns.length) throw new Error(`${page}: ${cells.length} cells in ${line}`);
    rows.push(Object.fromEntries(columns.map((column, i) => [column, (cells[i] ?? '').trim()])));
  }
  return rows;
}
