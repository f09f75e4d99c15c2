// Repeatedly reads socket owners with a cache, and checks each owner against its port number.

import { parseArgs } from 'node:util';
import { LinuxOpenSockets } from '../../src/sockets/linux/open-sockets.ts';

const { how: thoroughness = 'all' } = parseArgs({ options: { how: { type: 'string' } } }).values;
const SCANS = 400;
const BASE = 20_000;

const cached = new LinuxOpenSockets(thoroughness === 'some' ? 'some' : 'all');
const counts = { scans: 0, owned: 0, wrong: 0, unowned: 0 };
const pids = new Set<string>();
for (; counts.scans < SCANS; counts.scans++) {
  const sockets = cached
    .list({ protocol: 'tcp', states: ['LISTEN'] })
    .filter(({ local }) => local.port > BASE);
  const { owners } = cached.owners(new Set(sockets.map(({ inode }) => inode)));
  for (const { inode, local } of sockets) {
    const found = owners.get(inode) ?? [];
    if (found.length === 0) counts.unowned++;
    for (const { pid, startTicks, name } of found) {
      counts.owned++;
      pids.add(`${pid} ${startTicks}`);
      if (pid !== local.port - BASE || name !== 'python3') counts.wrong++;
    }
  }
}
process.stdout.write(`${JSON.stringify({ ...counts, processes: pids.size })}\n`);
