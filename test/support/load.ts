/** A program that calls the NULL procedure of a port mapper on 127.0.0.1 in a loop, for at most ten seconds. */

import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { encodeRecord } from '../../src/portmap/wire/record.ts';
import { writeCall } from '../../src/portmap/wire/rpc.ts';
import { encodeXdr } from '../../src/portmap/wire/xdr.ts';

const SECONDS_MAX = 10;
const OUTSTANDING = 32;
const PORT = 111;

const call = encodeXdr((writer) => writeCall(writer, { xid: 1, program: 100000, version: 2, procedure: 0 }));
const stream = connect(PORT, '127.0.0.1');
const datagrams = createSocket('udp4');
let answers = 0;

function answered(): void {
  answers++;
  if (answers === 1000) process.stdout.write('1000 answered\n');
}

stream.on('data', () => {
  answered();
  stream.write(encodeRecord(call));
});
datagrams.on('message', () => {
  answered();
  datagrams.send(call);
});
// The tests end the port mapper under this load.
for (const socket of [stream, datagrams]) socket.on('error', () => process.exit(0));
datagrams.connect(PORT, '127.0.0.1', () => {
  for (let i = 0; i < OUTSTANDING; i++) datagrams.send(call);
});
stream.write(encodeRecord(call));
setTimeout(() => process.exit(0), SECONDS_MAX * 1000);
