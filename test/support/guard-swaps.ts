// Swaps tables while programs bind, and checks the result of each bind.
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { Permits } from '../../src/guard/bpf/tables.ts';
import { BindAgent } from './bind-agent.ts';
import { setup, WEB } from './guard-setup.ts';

const PROCESSES = 8;
/** Each swap needs this many binds, and this many swaps follow one another before the binds are counted. */
const BINDS_PER_SWAP = 10 * PROCESSES;
const SWAPS_AT_ONCE = 10;
const PORTS = Array.from({ length: PROCESSES }, (_, i) => 4000 + i);

/**
 * Two profiles in which everything has another number: the ports' rules, the names of jobs, the SAF resources. With the
 * ports of one and the rules, jobs or permits of the other, WEB is refused; without ports it has all addresses.
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

/** Swaps the tables this often, or until there were enough binds; each must be judged by one profile or the other. */
export async function swapUnderLoad(t: TestContext, swaps: number): Promise<void> {
  const at = await setup(t);
  if (!at) return;
  const agents = await Promise.all(PORTS.map(() => BindAgent.on(at.fixture, { isNice: true })));
  at.inForce(FIRST, { permits });
  const results = agents.map(() => new Set<string>());
  let [swapped, total] = [0, 0];
  while (swapped < swaps || total < BINDS_PER_SWAP * swaps) {
    const stops = agents.map((agent, i) =>
      agent.repeat([{ socket: 'tcp4', address: '0.0.0.0', port: PORTS[i] ?? 0 }], WEB),
    );
    for (let i = 0; i < SWAPS_AT_ONCE; i++) at.inForce(++swapped % 2 === 0 ? FIRST : SECOND, { permits });
    for (const [i, counts] of (await Promise.all(stops.map((stop) => stop()))).entries()) {
      for (const [result, count] of Object.entries(counts)) {
        results[i]?.add(result);
        total += count;
      }
    }
  }
  for (const seen of results) assert.deepEqual([...seen].sort(), ['192.0.2.1', '192.0.2.7']);
  t.diagnostic(`${total} binds, ${swapped} swaps`);
}
