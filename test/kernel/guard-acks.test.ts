// NODELAYACKS and DELAYACKS on real sockets: the maximum delay of acknowledgments, as the kernel reports it.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { DELAY_US } from '../../src/guard/bpf/outcome.ts';
import { type AgentBind, type AgentUser, BindAgent } from '../support/bind-agent.ts';
import { NO_DELAY_US } from '../support/guard.ts';
import { ALICE, type Setup, setup, WEB } from '../support/guard-setup.ts';

/** The delay after a TCP bind to all IPv4 addresses, changed by `more`; the bind must succeed. */
type Wait = (port: number, more?: Partial<AgentBind>, user?: AgentUser) => Promise<number | null>;

/** A setup with it; undefined where the machine does not support it, or the kernel does not report the delay. */
async function waiting(t: TestContext): Promise<{ readonly at: Setup; readonly wait: Wait } | undefined> {
  const at = await setup(t);
  if (!at) return undefined;
  const wait: Wait = async (port, more = {}, user = WEB) => {
    const bind: AgentBind = { socket: 'tcp4', address: '0.0.0.0', port, ...more };
    const [bound] = await at.agent.bind([bind], user);
    assert.equal(bound?.error, null);
    return bound.delayedAckUs;
  };
  if ((await wait(4000)) !== null) return { at, wait };
  t.skip('needs a kernel with TCP_DELACK_MAX_US');
  return undefined;
}

const ANY6 = { socket: 'tcp6', address: '::' } as const;
const UNPRIVILEGED = { ...WEB, lowPortCapable: false };

test('the acknowledgment option of an entry overrides that of TCPCONFIG', async (t) => {
  const it = await waiting(t);
  if (!it) return;
  it.at.inForce(
    'TCPCONFIG NODELAYACKS\nPORT\n 4000 TCP WEB\n 4001 TCP WEB DELAYACKS\n 4002 TCP WEB NODELAYACKS\n',
  );
  assert.equal(await it.wait(4000), NO_DELAY_US);
  assert.equal(await it.wait(4001), DELAY_US);
  assert.equal(await it.wait(4002), NO_DELAY_US);
  it.at.inForce('PORT\n 4000 TCP WEB\n 4002 TCP WEB NODELAYACKS\n');
  assert.equal(await it.wait(4000), DELAY_US);
  assert.equal(await it.wait(4001), DELAY_US);
  assert.equal(await it.wait(4002), NO_DELAY_US);
});

test('TCPCONFIG applies to ports that are not reserved, and to those that the kernel chooses', async (t) => {
  const it = await waiting(t);
  if (!it) return;
  const asked = [
    [4001, {}],
    [4001, ANY6],
    [0, {}],
    [0, { address: '127.0.0.1' }],
    [0, ANY6],
  ] as const;
  const waits = async () => {
    const all = new Set<number | null>();
    for (const [port, more] of asked) all.add(await it.wait(port, more));
    return all;
  };
  it.at.inForce('TCPCONFIG NODELAYACKS\nPORT 4000 TCP WEB\n');
  assert.deepEqual(await waits(), new Set([NO_DELAY_US]));
  for (const config of ['', 'TCPCONFIG DELAYACKS\n', 'TCPCONFIG AUTODELAYACKS\n']) {
    it.at.inForce(`${config}PORT 4000 TCP WEB\n`);
    assert.deepEqual(await waits(), new Set([DELAY_US]));
  }
});

test('TCPCONFIG NODELAYACKS permits no port, and refuses none', async (t) => {
  const it = await waiting(t);
  if (!it) return;
  const { at, wait } = it;
  at.inForce('TCPCONFIG NODELAYACKS\nPORT\n 4000 TCP OTHER\n UNRSV TCP WEB WHENBIND\n');
  assert.equal(await at.bind(4000, WEB), 'EACCES');
  assert.equal(await wait(4001), NO_DELAY_US);
  assert.equal(await at.bind(4001, ALICE), 'EACCES');
  assert.equal(await at.bind(81, UNPRIVILEGED), 'EACCES');
  assert.equal(await wait(81, {}, { ...WEB, lowPortCapable: true }), NO_DELAY_US);

  at.inForce('TCPCONFIG NODELAYACKS RESTRICTLOWPORTS\n');
  assert.equal(await at.bind(81, UNPRIVILEGED), 'EACCES');
  assert.equal(await wait(81, {}, {}), NO_DELAY_US);
  await at.agent.setUnprivilegedStart(0);
  at.inForce('TCPCONFIG NODELAYACKS RESTRICTLOWPORTS\n', { unprivilegedStart: 0 });
  assert.equal(await at.bind(81, UNPRIVILEGED), 'EACCES');
  assert.equal(await wait(81, {}, {}), NO_DELAY_US);
  await at.agent.setUnprivilegedStart(1024);

  at.inForce('TCPCONFIG NODELAYACKS UNRESTRICTLOWPORTS\n');
  assert.equal(await wait(81, {}, UNPRIVILEGED), NO_DELAY_US);
});

test('sockets are not changed in observe mode, or in another network', async (t) => {
  const it = await waiting(t);
  if (!it) return;
  it.at.inForce('TCPCONFIG NODELAYACKS\nPORT 4000 TCP WEB\n');
  const waits = async () => [await it.wait(0), await it.wait(4000), await it.wait(4001)];
  assert.deepEqual(await waits(), [NO_DELAY_US, NO_DELAY_US, NO_DELAY_US]);
  const elsewhere = await BindAgent.on(it.at.fixture, { ownNetwork: true });
  const [other] = await elsewhere.bind([{ socket: 'tcp4', address: '0.0.0.0', port: 0 }], WEB);
  assert.equal(other?.delayedAckUs, DELAY_US);
  it.at.fixture.kernel.setMode('observe');
  assert.deepEqual(await waits(), [DELAY_US, DELAY_US, DELAY_US]);
});

test('after a trial the acknowledgments of port 0 are as before', async (t) => {
  const it = await waiting(t);
  if (!it) return;
  const { at, wait } = it;
  at.inForce('PORT 4000 TCP WEB\n');
  at.inForce('TCPCONFIG NODELAYACKS\n', { trialMs: 60_000 });
  assert.equal(await wait(0), NO_DELAY_US);
  at.fixture.kernel.revert();
  assert.equal(await wait(0), DELAY_US);
});
