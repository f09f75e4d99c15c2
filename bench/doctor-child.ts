// Reads the socket table in one process repeatedly, with one change in between, and prints the first and last times.
import { once } from 'node:events';
import { createServer } from 'node:net';
import { cgroupsIfAny } from '../src/host/linux/cgroups.ts';
import { linuxFiles } from '../src/host/linux/files.ts';
import { readSockets } from '../src/sockets/app/read-sockets.ts';
import { LinuxOpenSockets } from '../src/sockets/linux/open-sockets.ts';

const LISTENING = ['LISTEN', 'UNCONNECTED'] as const;
/** Reads before the measurement that counts, as in a process that has run for a while. */
const WARM_READS = 30;

const deps = { sockets: new LinuxOpenSockets(), files: linuxFiles, cgroups: cgroupsIfAny() };

function readMs(): { readonly ms: number; readonly sockets: number; readonly owned: number } {
  const begin = performance.now();
  const { sockets } = readSockets(deps, { states: LISTENING });
  const ms = performance.now() - begin;
  return { ms, sockets: sockets.length, owned: sockets.filter(({ owners }) => owners.length > 0).length };
}

const first = readMs();
for (let i = 0; i < WARM_READS; i++) readMs();
const server = createServer();
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const second = readMs();
server.close();
process.stdout.write(`${JSON.stringify({ first, second })}\n`);
