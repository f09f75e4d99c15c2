// Tables that are exchanged while programs bind, and what became of each bind.
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { Permits } from '../../src/guard/bpf/tables.ts';
import { BindAgent } from './bind-agent.ts';
import { scene, WEB } from './guard-scene.ts';

const PROCESSES = 8;
const PORTS = Array.from({ length: PROCESSES }, (_, i) => 4000 + i);

/**
 * Two profiles in which all has another number: the ports' rules, the names of jobs, the SAF resources. By the ports of
 * one and the rules, the jobs or the permits of the other WEB is refused; by no ports it has all addresses.
 */
const FIRST = [
  'PORT',
  ...PORTS.map((port) => ` ${port} TCP WEB BIND 192.0.2.1 SAF WEBRES`),
  ' 5000 TCP OTHER SAF NO$ONE',
].join('\n');
const SECOND = [
  'PORT',
  ' 5000 TCP OTHER SAF NO$ONE',
  ...PORTS.map((port) => ` ${port} TCP WEB BIND 192.0.2.7 SAF WEBRES`),
].join('\n');

const permits = (resname: string): Permits => ({
  uids: new Map([[1000, resname === 'WEBRES']]),
  everyone: false,
});

/** Swaps the tables so often; every bind meanwhile must be judged by one profile or the other. */
export async function swapUnderLoad(t: TestContext, swaps: number): Promise<void> {
  const at = await scene(t);
  if (!at) return;
  const agents = await Promise.all(PORTS.map(() => BindAgent.on(at.stage, { isNice: true })));
  at.inForce(FIRST, { permits });
  const stops = agents.map((agent, i) =>
    agent.repeat([{ socket: 'tcp4', address: '0.0.0.0', port: PORTS[i] ?? 0 }], WEB),
  );
  for (let swap = 1; swap <= swaps; swap++) at.inForce(swap % 2 === 0 ? FIRST : SECOND, { permits });
  const counts = await Promise.all(stops.map((stop) => stop()));
  for (const count of counts) assert.deepEqual(Object.keys(count).sort(), ['192.0.2.1', '192.0.2.7']);
  const total = counts.flatMap((count) => Object.values(count)).reduce((sum, one) => sum + one, 0);
  assert.ok(total > 10 * swaps * PROCESSES, `only ${total} binds`);
  t.diagnostic(`${total} binds`);
}
