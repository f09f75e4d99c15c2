// The dynamic port range of a Nomad agent, from HCL and JSON files.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { processorBound } from '../../../test/support/processor.ts';
import { parseNomadPorts } from './nomad-config.ts';

const ports = (text: string) => {
  const { first, last } = parseNomadPorts(text);
  return [first, last];
};

describe('reads the two ports', () => {
  const files: Record<string, [text: string, first: number | undefined, last: number | undefined]> = {
    'as HCL': [
      'client {\n  enabled = true\n  min_dynamic_port = 26000\n  max_dynamic_port=28000\n}\n',
      26_000,
      28_000,
    ],
    'as JSON': ['{"client": {"min_dynamic_port": 26000, "max_dynamic_port":28000}}', 26_000, 28_000],
    'as JSON strings': ['{"client": {"min_dynamic_port": "26000"}}', 26_000, undefined],
    'only one of them': ['client { max_dynamic_port = 28000 }', undefined, 28_000],
    neither: ['client { enabled = true }', undefined, undefined],
    twice: ['min_dynamic_port = 1\nmin_dynamic_port = 2', 2, undefined],
    'after comments': ['# a\n// b\n/* c\n */ min_dynamic_port = 7', 7, undefined],
    'before a comment': ['min_dynamic_port = 7# 8', 7, undefined],
  };
  for (const [name, [text, first, last]] of Object.entries(files)) {
    test(name, () => assert.deepEqual(ports(text), [first, last]));
  }
});

describe('does not read a port from', () => {
  const texts = [
    '# min_dynamic_port = 7',
    '// min_dynamic_port = 7',
    '/* min_dynamic_port = 7 */',
    '/* min_dynamic_port = 7',
    'meta { "a" = "min_dynamic_port = 7" }',
    'template = <<EOF\nmin_dynamic_port = 7\nEOF\n',
    'template = <<-EOF\n  min_dynamic_port = 7\n  EOF\n',
    'my_min_dynamic_port = 7',
    'min_dynamic_port_ = 7',
    'min_dynamic_port 7',
    'min_dynamic_port = 65536',
    'min_dynamic_port = 0x7',
    'min_dynamic_port = -7',
    'min_dynamic_port = "seven"',
    'min_dynamic_port =',
  ];
  for (const text of texts)
    test(JSON.stringify(text), () => assert.deepEqual(ports(text), [undefined, undefined]));

  test('a heredoc or a string, but from what follows them', () => {
    assert.deepEqual(
      ports('a = <<EOF\nx\nEOF\nmin_dynamic_port = 7\nb = "\\"" max_dynamic_port = 8'),
      [7, 8],
    );
  });
});

test('reads any text to its end', () => {
  const piece = fc.constantFrom(
    '"',
    '\\',
    '/*',
    '*/',
    '//',
    '#',
    '<<',
    '<<A',
    '\n',
    'A',
    '=',
    ' ',
    'min_dynamic_port',
    '7',
  );
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      const { first = 7 } = parseNomadPorts(pieces.join(''));
      assert.ok(first >= 0 && first <= 65_535);
    }),
  );
});

test('reads a long text of unclosed tokens in linear time', () => {
  const assertBounded = processorBound();
  for (const opening of ['/*', '"', '<<A\n', '#']) parseNomadPorts(opening.repeat(100_000));
  assertBounded();
});
