// A refused program is explained by the verifier's log; other errors are not changed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PortreeveError } from '../../../base/errors.ts';
import type { Program } from '../../../bpf/program.ts';
import { explained } from './kernel-errors.ts';

const PROGRAM: Program = { name: 'guard', lines: [], maps: [] };

test('a program that the verifier refuses keeps its code and log, and the message has the complaint', () => {
  const log = 'R1 invalid mem access\n';
  const refused = new PortreeveError('BPF_PROGRAM_REFUSED', 'the kernel refuses it', 'hint', {
    log,
  });
  const error = explained(refused, PROGRAM);
  assert.ok(error instanceof PortreeveError);
  assert.deepEqual(
    [error.kind, error.code, error.hint, error.data],
    ['environment', refused.code, 'hint', { log }],
  );
  assert.match(error.message, /^the kernel refuses it: .*R1 invalid mem access/);
});

test('any other error is returned unchanged', () => {
  for (const thrown of [new PortreeveError('BPF_BUSY', 'busy'), new TypeError('a bug'), undefined]) {
    assert.equal(explained(thrown, PROGRAM), thrown);
  }
});
