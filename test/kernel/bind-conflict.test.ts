/** The doctor says of every socket, and of every way to bind its port, what the real kernel then does. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bindMatrix } from '../support/bind-matrix.ts';
import { needs, probe } from '../support/probe.ts';
import { kernelIpv6, Sandbox } from '../support/sandbox.ts';

test('bind and listen come to what the rules say, in every state, family and with every option', async (t) => {
  if (!needs(t, probe.root(), probe.netns(), probe.command('ip'), kernelIpv6())) return;
  const sandbox = await Sandbox.open(t);
  const { answers, states, wrong } = await bindMatrix(sandbox);
  assert.deepEqual(wrong, []);
  // Each answer was given, and each state met, a good many times.
  assert.deepEqual(
    Object.keys(answers).filter((answer) => (answers[answer] ?? 0) > 500),
    ['taken', 'unsure', 'free'],
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
