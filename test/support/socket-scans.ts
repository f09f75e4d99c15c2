/** Looks again and again at who has which socket, with what it remembers, and holds each owner to the port's number. */

import { parseArgs } from 'node:util';
import { LinuxOpenSockets } from '../../src/sockets/linux/open-sockets.ts';

const { how = 'all' } = parseArgs({ options: { how: { type: 'string' } } }).values;
const SCANS = 400;
const BASE = 20_000;

const kept = new LinuxOpenSockets(how === 'some' ? 'some' : 'all');
const counts = { scans: 0, owned: 0, wrong: 0, nobody: 0 };
const pids = new Set<string>();
for (; counts.scans < SCANS; counts.scans++) {
  const sockets = kept.list({ protocol: 'tcp', states: ['LISTEN'] }).filter(({ local }) => local.port > BASE);
  const { owners } = kept.owners(new Set(sockets.map(({ inode }) => inode)));
  for (const { inode, local } of sockets) {
    const found = owners.get(inode) ?? [];
    if (found.length === 0) counts.nobody++;
    for (const { pid, startTicks, name } of found) {
      counts.owned++;
      pids.add(`${pid} ${startTicks}`);
      if (pid !== local.port - BASE || name !== 'python3') counts.wrong++;
    }
  }
}
process.stdout.write(`${JSON.stringify({ ...counts, processes: pids.size })}\n`);
