// `portreeve profile history`: lists the applied profiles, or prints one.

import { printable } from '../../base/printable.ts';
import type { Column } from '../../base/table.ts';
import type { Io } from '../../kit/io.ts';
import { formatTable, json, localTime } from '../../kit/text.ts';
import { readRevision } from '../app/in-force.ts';
import type { ArchivedText, Revision, RevisionHead } from '../core/archive.ts';
import { archiveToRead } from './deps.ts';
import type { ProfileHistoryOptions } from './index.ts';
import { revisionNumber } from './settings.ts';

export function profileHistoryCommand(
  number: string | undefined,
  options: ProfileHistoryOptions,
  io: Io,
): number {
  const archive = archiveToRead(options.state, io);
  if (number !== undefined) {
    const revision = readRevision(archive, revisionNumber(number));
    io.out(options.json ? json(jsonOf(revision)) : textOf(io, revision));
    return 0;
  }
  const heads = archive.heads();
  if (options.json) io.out(json(heads.map(jsonOfHead)));
  else if (heads.length === 0) io.out('no profile has been applied yet\n');
  else io.out(formatTable(io, COLUMNS, heads));
  return 0;
}

const COLUMNS: readonly Column<RevisionHead>[] = [
  { title: 'REVISION', text: ({ number }) => `${number}`, isNumber: true },
  { title: 'TIME', text: ({ timeMs }) => localTime(new Date(timeMs)) },
  { title: 'USER', text: ({ user, uid }) => user ?? `${uid}` },
  {
    title: 'VERB',
    text: ({ verb, options }) => `${verb}${options.keepGoing && verb !== 'again' ? ' --keep-going' : ''}`,
  },
  { title: 'WHAT', text: whatText },
];

function whatText({ verb, again, paths }: RevisionHead): string {
  if (verb === 'again') return `revision ${again}`;
  const [root = '-', ...included] = paths;
  return included.length === 0 ? root : `${root} and ${included.length} included`;
}

function jsonOfHead({ number, timeMs, uid, user, verb, again, options, paths }: RevisionHead) {
  const time = new Date(timeMs).toISOString();
  return { revision: number, time, uid, user: user ?? null, verb, again: again ?? null, paths, options };
}

function jsonOf(revision: Revision) {
  const { texts, racf } = revision;
  const paths = texts.map(({ path }) => path);
  return { ...jsonOfHead({ ...revision, paths }), texts, racf: racf ?? null };
}

/** The texts, several of them each after its path. To a file or a pipe they are written unchanged. */
function textOf(io: Io, { texts, racf, verb, again }: Revision): string {
  if (verb === 'again') return `same as revision ${again}\n`;
  const files = [...texts, ...(racf ? [racf] : [])];
  const shown = ({ text }: ArchivedText) => (io.columns === undefined ? text : printableLines(text));
  if (files.length === 1) return files.map(shown).join('');
  return files.map((file) => `; ==> ${printable(file.path)} <==\n${shown(file)}`).join('\n');
}

/** Escapes control characters except line feeds and tabs, for a terminal. */
function printableLines(text: string): string {
  const parts = text.split(/([\n\t])/);
  return parts.map((part) => (part === '\n' || part === '\t' ? part : printable(part))).join('');
}
