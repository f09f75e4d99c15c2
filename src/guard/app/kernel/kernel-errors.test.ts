// A refused program is explained by the verifier's complaint; nothing else that is thrown is changed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PortreeveError } from '../../../base/errors.ts';
import type { Program } from '../../../bpf/program.ts';
import { explained } from './kernel-errors.ts';

const PROGRAM: Program = { name: 'guard', lines: [], maps: [] };

test('a program that the verifier refuses keeps its code and its log, and says what the verifier complains of', () => {
  const log = 'R1 invalid mem access\n';
  const refused = new PortreeveError('BPF_PROGRAM_REFUSED', 'the kernel refuses it', 'hint', {
    log,
  });
  const said = explained(refused, PROGRAM);
  assert.ok(said instanceof PortreeveError);
  assert.deepEqual(
    [said.kind, said.code, said.hint, said.data],
    ['environment', refused.code, 'hint', { log }],
  );
  assert.match(said.message, /^the kernel refuses it: .*R1 invalid mem access/);
});

test('any other error is the same one', () => {
  for (const thrown of [new PortreeveError('BPF_BUSY', 'busy'), new TypeError('ours'), undefined]) {
    assert.equal(explained(thrown, PROGRAM), thrown);
  }
});
