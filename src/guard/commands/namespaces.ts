// `portreeve guard namespaces`: lists and changes the network namespaces that the guard covers.

import { EXIT_CODES } from '../../base/errors.ts';
import type { Column } from '../../base/table.ts';
import { GUARD_PINS } from '../../kit/directories.ts';
import { type Io, needRoot } from '../../kit/io.ts';
import { formatTable, json } from '../../kit/text.ts';
import { namespaceName } from '../../text/namespace.ts';
import { addNamespace, listNamespaces, type NamespaceRow, removeNamespace } from '../app/namespaces.ts';
import { guardDeps } from './deps.ts';
import { notesText } from './guard-text.ts';
import type { NamespaceOptions, NamespacesOptions } from './index.ts';

/** `portreeve guard namespaces` */
export function namespacesCommand(options: NamespacesOptions, io: Io): number {
  needRoot(io, 'inspect the kernel');
  const rows = listNamespaces(guardDeps(options, io), options.pins ?? GUARD_PINS);
  io.out(options.json ? json(rows.map(jsonOf)) : formatTable(io, COLUMNS, rows));
  return 0;
}

/** `portreeve guard namespaces add` */
export function addNamespaceCommand(text: string, options: NamespaceOptions, io: Io): number {
  needRoot(io, 'change the network namespaces of the guard');
  const pins = options.pins ?? GUARD_PINS;
  const { result: isNew, notes } = addNamespace(guardDeps(options, io), pins, text);
  io.err(notesText(notes));
  io.out(isNew ? `the guard now covers ${text}\n` : `the guard already covered ${text}\n`);
  return 0;
}

/** `portreeve guard namespaces remove` */
export function removeNamespaceCommand(text: string, options: NamespaceOptions, io: Io): number {
  needRoot(io, 'change the network namespaces of the guard');
  const pins = options.pins ?? GUARD_PINS;
  const { result: by, notes } = removeNamespace(guardDeps(options, io), pins, text);
  io.err(notesText(notes));
  if (by === undefined) {
    io.err(`portreeve: the guard did not cover ${text}\n`);
    return EXIT_CODES.refused;
  }
  io.out(`the guard no longer covers ${text}\n`);
  if (by === 'settings')
    io.err('portreeve: portreeve.toml names it; remove it there too, or it is added again\n');
  return 0;
}

const NAMED_BY = {
  home: 'guard started here',
  settings: 'portreeve.toml',
  command: 'guard namespaces',
} as const;

const COLUMNS: readonly Column<NamespaceRow>[] = [
  { title: 'COOKIE', text: ({ cookie }) => `${cookie}`, isNumber: true },
  { title: 'ADDED BY', text: ({ by }) => NAMED_BY[by] },
  { title: 'NAMESPACE', text: nameOf },
];

function nameOf({ paths, pid, isGone }: NamespaceRow): string {
  if (paths.length > 0) return paths.map(namespaceName).join(' ');
  if (pid !== undefined) return `pid:${pid}`;
  return isGone ? 'gone' : 'could not tell';
}

function jsonOf({ cookie, by, paths, pid, isGone }: NamespaceRow): object {
  return { cookie: `${cookie}`, by, paths, pid: pid ?? null, isGone };
}
