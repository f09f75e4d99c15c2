// Programs that know nothing of the guard, in many languages, and what bind(2) returns to them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bindBy, FOREIGN_PROGRAMS } from '../support/foreign-programs.ts';
import { GuardFixture, guardReady } from '../support/guard.ts';
import { bringPeers } from '../support/peers.ts';
import { needs } from '../support/probe.ts';

const PROFILE = `
PORT
  80 TCP WEB
  600 TCP OTHER
  601 TCP WEB
  4000 TCP OTHER
  4001 TCP WEB
`;
const WEB = 1000;

for (const program of FOREIGN_PROGRAMS) {
  test(`${program.name}: refused, permitted, and given a low port without any privilege`, async (t) => {
    if (!guardReady(t) || !needs(t, ...program.needs())) return;
    const peers = await bringPeers();
    if (!needs(t, peers.probe())) return;
    const fixture = await GuardFixture.open(t, { peers });
    program.prepare?.(fixture.sandbox);
    fixture.inForce(PROFILE, { users: [[WEB, 'WEB']] });
    const bind = (port: number): Promise<string> => bindBy(program, fixture, port, { uid: WEB });
    assert.equal(await bind(4000), 'EACCES');
    assert.equal(await bind(4001), 'bound');
    assert.equal(await bind(600), 'EADDRINUSE');
    assert.equal(await bind(601), 'bound');
    assert.equal(await bind(80), 'bound');
    assert.equal(await bind(81), 'EACCES');
    fixture.kernel.setMode('off');
    assert.equal(await bind(4000), 'bound');
    assert.equal(await bind(80), 'EACCES');
  });
}
