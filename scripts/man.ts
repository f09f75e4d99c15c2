/** Converts the manual pages from Markdown to man(7): `man.ts DIRECTORY` writes all of them to the directory. */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { manPages, manSource } from './man-source.ts';

const ROOT = join(import.meta.dirname, '..');

/**
 * Converts a page to roff. Supported Markdown: a title "# name(section) - description", headings of two levels,
 * paragraphs, lists, where an item "`term`: text" defines a term, fenced code, and inline `code`, *emphasis* and
 * **strong**. Throws for any other syntax.
 */
export function roffOf(markdown: string, version: string): string {
  const [title = '', ...blocks] = blocksOf(markdown);
  const { name, section, what } =
    /^# (?<name>[\w.-]+)\((?<section>\d)\) - (?<what>.+)$/.exec(title)?.groups ?? {};
  if (!name || !section || !what) throw new Error(`"${title}" is no title: # name(section) - what it is`);
  const lines = [
    `.TH ${name.toUpperCase()} ${section} "" "portreeve ${version}" "portreeve"`,
    '.SH NAME',
    `${inline(name)} \\- ${inline(what)}`,
    ...blocks.flatMap(blockLines),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

/** Splits at blank lines; fenced code is one block, and so is each item of a list. */
function blocksOf(markdown: string): string[] {
  const blocks: string[] = [];
  let fence: string[] | undefined;
  let isOpen = false;
  for (const line of markdown.split('\n')) {
    const isFence = line === '```';
    if (fence) {
      fence.push(line);
      if (!isFence) continue;
      blocks.push(fence.join('\n'));
      fence = undefined;
      isOpen = false;
    } else if (isFence) fence = [line];
    else if (line === '') isOpen = false;
    else if (isOpen && !line.startsWith('- ')) blocks.push(`${blocks.pop()}\n${line}`);
    else {
      blocks.push(line);
      isOpen = true;
    }
  }
  if (fence) throw new Error('code without an end');
  return blocks;
}

const TERM = /^- (?<term>[`*[][^:]*): (?<text>.+)$/s;

function blockLines(block: string): string[] {
  const heading = /^(#{2,3}) (.+)$/.exec(block);
  if (heading) {
    const [, level = '', text = ''] = heading;
    return level === '##' ? [`.SH "${escaped(text.toUpperCase())}"`] : [`.SS "${escaped(text)}"`];
  }
  if (block.startsWith('```')) {
    const code = block.split('\n').slice(1, -1);
    return ['.PP', '.RS 4', '.EX', ...code.map((line) => guarded(escaped(line))), '.EE', '.RE'];
  }
  const text = block.replace(/\n +/g, ' ').replaceAll('\n', ' ');
  const { term, text: meaning } = TERM.exec(text)?.groups ?? {};
  if (term && meaning) return ['.TP', guarded(inline(term)), guarded(inline(meaning))];
  if (text.startsWith('- ')) return ['.IP \\(bu 2', guarded(inline(text.slice(2)))];
  if (/^([#>|+]|\d+\. )/.test(text)) throw new Error(`no such block is known: ${text}`);
  return ['.PP', guarded(inline(text))];
}

/** Converts inline markup to fonts. */
function inline(text: string): string {
  const marks = /`([^`]+)`|\*\*([^*]+)\*\*|\*([^*]+)\*/g;
  let roff = '';
  let at = 0;
  for (const match of text.matchAll(marks)) {
    const [whole, code, strong, emphasis] = match;
    const bold = code ?? strong;
    roff += escaped(text.slice(at, match.index));
    roff += bold === undefined ? `\\fI${escaped(emphasis ?? '')}\\fR` : `\\fB${escaped(bold)}\\fR`;
    at = match.index + whole.length;
  }
  const rest = text.slice(at);
  if (/[`*]/.test(rest)) throw new Error(`a mark without an end: ${text}`);
  return roff + escaped(rest);
}

/** Escapes characters such as "-" and "~", which roff would replace by others that cannot be pasted into a terminal. */
function escaped(text: string): string {
  if (/[^\x20-\x7e]/.test(text)) throw new Error(`only ASCII is known: ${text}`);
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('~', '\\(ti')
    .replaceAll('^', '\\(ha')
    .replaceAll('`', '\\(ga')
    .replaceAll("'", '\\(aq')
    .replaceAll('"', '\\(dq');
}

/** Escapes a leading dot, with which a request would begin. */
function guarded(line: string): string {
  return line.startsWith('.') ? `\\&${line}` : line;
}

function writePages(directory: string): void {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  mkdirSync(directory, { recursive: true });
  for (const page of manPages()) writeFileSync(join(directory, page), roffOf(manSource(page), version));
}

if (import.meta.main) {
  const [directory] = process.argv.slice(2);
  if (directory === undefined) throw new Error('usage: man.ts DIRECTORY');
  writePages(directory);
}
