// Reads the dynamic port range from the configuration of a Nomad agent, in HCL or JSON.
import { PORT_MAX, parseDecimal } from '../../base/port.ts';

/** `client` { `min_dynamic_port`, `max_dynamic_port` }; undefined if the file does not set it. */
interface NomadPorts {
  readonly first: number | undefined;
  readonly last: number | undefined;
}

/** The characters that end a word. */
const MARK = /[\s"'{}[\]=:,#/<()]/;

/** Ignores comments and the contents of strings. The last value of a key counts. */
export function parseNomadPorts(text: string): NomadPorts {
  const words = wordsOf(text);
  const portOf = (key: string) => {
    const at = words.findLastIndex((word, index) => word === key && isAssignment(words[index + 1]));
    return at < 0 ? undefined : parseDecimal(words[at + 2] ?? '', PORT_MAX);
  };
  return { first: portOf('min_dynamic_port'), last: portOf('max_dynamic_port') };
}

const isAssignment = (word: string | undefined): boolean => word === '=' || word === ':';

/** The words and punctuation without comments; a quoted string is one word without its quotes. */
function wordsOf(text: string): string[] {
  const words: string[] = [];
  for (let at = 0; at < text.length; ) {
    const end = endAt(text, at);
    const word = text.slice(at, end);
    if (!isSkipped(word)) words.push(word.startsWith('"') ? word.slice(1, -1) : word);
    at = end;
  }
  return words;
}

const isSkipped = (word: string): boolean => /^(?:\s|#|\/\/|\/\*|<<)/.test(word);

/** The end of the token that begins at `at`. */
function endAt(text: string, at: number): number {
  const rest = (mark: string, from: number) => {
    const found = text.indexOf(mark, from);
    return found < 0 ? text.length : found + mark.length;
  };
  const two = text.slice(at, at + 2);
  if (two === '/*') return rest('*/', at + 2);
  if (two === '//' || two.startsWith('#')) return rest('\n', at);
  if (two === '<<') return endOfHeredoc(text, at);
  if (two.startsWith('"')) return endOfString(text, at);
  if (MARK.test(two.charAt(0))) return at + 1;
  let end = at + 1;
  while (end < text.length && !MARK.test(text.charAt(end))) end++;
  return end;
}

function endOfString(text: string, at: number): number {
  let end = at + 1;
  while (end < text.length && text[end] !== '"' && text[end] !== '\n') end += text[end] === '\\' ? 2 : 1;
  return Math.min(end + 1, text.length);
}

/** A heredoc: from "<<WORD" to a line that contains only the word. */
function endOfHeredoc(text: string, at: number): number {
  const lineEnd = text.indexOf('\n', at);
  const first = text.slice(at, lineEnd < 0 ? text.length : lineEnd);
  const word = /^<<-?\s*(\w+)\s*$/.exec(first)?.[1];
  if (word === undefined) return at + 2;
  for (let start = lineEnd; start >= 0; ) {
    const next = text.indexOf('\n', start + 1);
    const line = text.slice(start + 1, next < 0 ? text.length : next);
    if (line.trim() === word) return start + 1 + line.length;
    start = next;
  }
  return text.length;
}
