// Looks at a crowd from within one process, twice, with one change in between, and prints what each look took.
import { once } from 'node:events';
import { createServer } from 'node:net';
import { cgroupsIfAny } from '../src/host/linux/cgroups.ts';
import { linuxFiles } from '../src/host/linux/files.ts';
import { seeSockets } from '../src/sockets/app/see.ts';
import { LinuxOpenSockets } from '../src/sockets/linux/open-sockets.ts';

const LISTENING = ['LISTEN', 'UNCONNECTED'] as const;
/** Before it counts: the code of a process that has run for a while is compiled. */
const WARM_CHECKS = 30;

const deps = { sockets: new LinuxOpenSockets(), files: linuxFiles, cgroups: cgroupsIfAny() };

function checkMs(): { readonly ms: number; readonly sockets: number; readonly owned: number } {
  const begin = performance.now();
  const { sockets } = seeSockets(deps, { states: LISTENING });
  const ms = performance.now() - begin;
  return { ms, sockets: sockets.length, owned: sockets.filter(({ owners }) => owners.length > 0).length };
}

const first = checkMs();
for (let i = 0; i < WARM_CHECKS; i++) checkMs();
const server = createServer();
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const second = checkMs();
server.close();
process.stdout.write(`${JSON.stringify({ first, second })}\n`);
