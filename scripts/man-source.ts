/** The Markdown of the manual pages: the text in docs/man, with the usage and options that the commands declare. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Command,
  commandsBelow,
  flagOf,
  fullName,
  type VisibleOption,
  visibleOptions,
} from '../src/kit/command.ts';
import { COMMANDS } from '../src/main/program.ts';

const PAGES = join(import.meta.dirname, '../docs/man');

/** The file names of the pages: "portreeve.1". */
export function manPages(): string[] {
  return readdirSync(PAGES).map((file) => file.replace(/\.md$/, ''));
}

/**
 * The Markdown of a page. SYNOPSIS and OPTIONS of its command precede and follow DESCRIPTION. A section "### portreeve
 * guard off" describes that command: its usage completes the heading, and its options come last.
 */
export function manSource(page: string): string {
  const text = readFileSync(join(PAGES, `${page}.md`), 'utf8');
  const name = page.replace(/\.\d$/, '').replaceAll('-', ' ');
  const command = COMMANDS.find((each) => fullName(each) === name);
  if (command === undefined) return text;
  const [title = '', ...sections] = text.split(/^(?=##)/m);
  const commands = sections.map(commandOfSection);
  const all = [command, ...commands.filter((each) => each !== undefined)];
  const whole = sections.map((section, index) => withOptions(section, commands[index]));
  const second = sections.findIndex((section, index) => index > 0 && section.startsWith('## '));
  return [
    title,
    `## Synopsis\n\n${all.map(synopsisLine).join('\n\n')}\n\n`,
    ...whole.slice(0, second),
    `## Options\n\n${optionList(command)}\n`,
    ...whole.slice(second),
  ].join('');
}

/** Throws if the heading names a command that does not exist. */
function commandOfSection(section: string): Command | undefined {
  const [, name] = /^### (portreeve .*)\n/.exec(section) ?? [];
  if (name === undefined) return undefined;
  const command = COMMANDS.find((each) => fullName(each) === name);
  if (command === undefined) throw new Error(`"${name}" is not a command`);
  return command;
}

function withOptions(section: string, command: Command | undefined): string {
  if (command === undefined) return section;
  const [, ...text] = section.split('\n');
  return `### ${fullName(command)} ${usageOf(command)}\n${text.join('\n')}${optionList(command)}\n`;
}

/** "[options] <program> [host...]" */
function usageOf(command: Command): string {
  if (command.usage !== undefined) return command.usage;
  const words = Object.entries(command.arguments ?? {}).map(([name, { optional, repeatable }]) => {
    const word = `${name}${repeatable ? '...' : ''}`;
    return optional ? `[${word}]` : `<${word}>`;
  });
  const holdsOthers = commandsBelow(command, COMMANDS).length > 0;
  return ['[options]', ...(holdsOthers ? ['[command]'] : []), ...words].join(' ');
}

function synopsisLine(command: Command): string {
  const usage = usageOf(command)
    .replace(/<([\w]+)(\.*)>/g, '*$1*$2')
    .replace(/\[(\w+)(\.*)\]/g, '[*$1*$2]');
  return `\`${fullName(command)}\` ${usage}`;
}

function optionList(command: Command): string {
  return visibleOptions(command)
    .map((option) => `- ${optionTerm(option)}: ${optionText(option)}\n`)
    .join('');
}

function optionTerm({ flags, value }: VisibleOption): string {
  const term = flags.map((flag) => `\`${flag}\``).join(', ');
  return value === undefined ? term : `${term} *${value}*`;
}

function optionText(option: VisibleOption): string {
  const { help, detail, choices, excludes, required } = option;
  const without = option.default ?? option.defaultText;
  const sentences = [
    sentenceOf(without === undefined ? help : `${help} (default: ${without})`),
    ...(choices === undefined ? [] : [`It is ${alternatives(choices)}.`]),
    ...(required ? ['It has to be given.'] : []),
    ...(detail === undefined ? [] : [detail]),
    ...(excludes === undefined ? [] : [`It cannot be combined with ${alternatives(excludes.map(flagOf))}.`]),
  ];
  return sentences.join(' ');
}

/** "`a`, `b` or `c`" */
function alternatives(words: readonly string[]): string {
  const marked = words.map((word) => `\`${word}\``);
  return [marked.slice(0, -1).join(', '), ...marked.slice(-1)].filter((part) => part !== '').join(' or ');
}

/** Converts a phrase of the help to a sentence of the manual. */
function sentenceOf(phrase: string): string {
  const marked = phrase.replace(/--[a-z-]+(?: --[a-z-]+)*/g, '`$&`');
  return `${marked.charAt(0).toUpperCase()}${marked.slice(1)}.`;
}
