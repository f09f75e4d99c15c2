/** Compares the predictions of the doctor with bind(2) and listen(2) of the real kernel. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bindMatrix } from '../support/bind-matrix.ts';
import { needs, probe } from '../support/probe.ts';
import { kernelIpv6, Sandbox } from '../support/sandbox.ts';

test('the kernel binds and listens as predicted, in every state and family and with every option', async (t) => {
  if (!needs(t, probe.root(), probe.netns(), probe.command('ip'), kernelIpv6())) return;
  const sandbox = await Sandbox.open(t);
  const { answers, states, wrong } = await bindMatrix(sandbox);
  assert.deepEqual(wrong, []);
  // Each answer must have been predicted often, and each state must have occurred.
  assert.deepEqual(
    Object.keys(answers).filter((answer) => (answers[answer] ?? 0) > 500),
    ['in-use', 'unknown', 'free'],
  );
  assert.deepEqual(Object.keys(states).sort(), [
    'BOUND',
    'CLOSE_WAIT',
    'ESTABLISHED',
    'FIN_WAIT2',
    'LISTEN',
    'SYN_SENT',
    'TIME_WAIT',
    'UNCONNECTED',
  ]);
});
