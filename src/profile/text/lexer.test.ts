// Tests of the lexer: words and comments as on z/OS, and replaced symbols.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Lexer, type Symbols, type Token } from './lexer.ts';

function tokens(
  text: string,
  symbols: Symbols = {},
): { tokens: readonly Token[]; below: readonly string[]; unknown: string[] } {
  const unknown: string[] = [];
  const lexer = new Lexer(text, 'f', symbols, (name) => unknown.push(name));
  const list: Token[] = [];
  for (let token = lexer.next(); token; token = lexer.next()) list.push(token);
  return { tokens: list, below: lexer.below, unknown };
}

const words = (text: string, symbols?: Symbols): string[] =>
  tokens(text, symbols).tokens.map(({ word }) => word);

describe('words', () => {
  test('are separated by blanks, tabs and line ends, and converted to upper case', () => {
    assert.deepEqual(words(' port\t80  tcp\n\nWeb '), ['PORT', '80', 'TCP', 'WEB']);
    assert.deepEqual(words(''), []);
  });

  test('have line, column and offset', () => {
    const [, port] = tokens('PORT\n   80 TCP A').tokens;
    assert.deepEqual(port?.place, { file: 'f', line: 2, column: 4, length: 2 });
    assert.deepEqual([port?.start, port?.end, port?.isFirstOfLine], [8, 10, true]);
  });

  test('in quotes may contain blanks and semicolons; an unclosed quote is part of its word', () => {
    const raw = (text: string) => tokens(text).tokens.map((token) => token.raw);
    assert.deepEqual(raw(`PARMSTRING "-d 1 ; x" 'a b'`), ['PARMSTRING', '"-d 1 ; x"', "'a b'"]);
    assert.deepEqual(raw('"a b\nc"'), ['"a', 'b', 'c"']);
  });
});

describe('comments', () => {
  test('extend to the end of the line, and belong to the word before them or to the next one', () => {
    const { tokens: list, below } = tokens('; head\n\n; more\nPORT ; list\n80 TCP A ;last\n;end');
    assert.deepEqual(
      list.map(({ word, above, after }) => [word, above, after]),
      [
        ['PORT', ['; head', '', '; more'], '; list'],
        ['80', [], undefined],
        ['TCP', [], undefined],
        ['A', [], ';last'],
      ],
    );
    assert.deepEqual(below, [';end']);
  });

  test('need a preceding blank: "An argument followed by a comment must have a blank before the semicolon"', () => {
    assert.deepEqual(words('SMTP;mail'), ['SMTP;MAIL']);
    assert.deepEqual(words('SMTP ;mail'), ['SMTP']);
  });
});

describe('symbols', () => {
  test('are replaced, with or without period, in any case', () => {
    assert.deepEqual(words('&SYSNAME.A &sysname &X.&X.', { SYSNAME: 'SC30', X: '1' }), [
      'SC30A',
      'SC30',
      '11',
    ]);
  });

  test('without a value are reported and not replaced', () => {
    const { tokens: list, unknown } = tokens('A&NO.B & &1');
    assert.deepEqual([list.map(({ word }) => word), unknown], [['A&NO.B', '&', '&1'], ['NO']]);
  });
});
