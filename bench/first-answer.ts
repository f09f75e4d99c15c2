// Calls the NULL procedure of 127.0.0.1:111 until a reply arrives, and prints the time of the reply.

import { createSocket } from 'node:dgram';
import { writeCall } from '../src/portmap/wire/rpc.ts';
import { encodeXdr } from '../src/portmap/wire/xdr.ts';

const PORT = 111;
const PERIOD_MS = 1;

const call = encodeXdr((writer) => writeCall(writer, { xid: 1, program: 100000, version: 2, procedure: 0 }));
const socket = createSocket('udp4');
const timer = setInterval(() => socket.send(call, PORT, '127.0.0.1'), PERIOD_MS);

socket.once('message', () => {
  // This clock is the same in every process and sandbox.
  process.stdout.write(`answered ${JSON.stringify(process.hrtime())}\n`);
  clearInterval(timer);
  socket.close();
});
process.stdout.write('asking\n');
