/** A program of a test that tries to bind a port many times, and writes how often that was refused. */

import { parseIp } from '../../src/base/address.ts';
import { SOCK_STREAM } from '../../src/host/linux/sys/constants.ts';
import { sys } from '../../src/host/linux/sys/libc.ts';
import { NativeBuffer } from '../../src/host/linux/sys/memory.ts';
import { AF_INET, encodeSockaddr } from '../../src/wire/sockaddr.ts';

/** Its only argument: the port of each try is the next in the list, cyclically. */
export interface Flood {
  readonly ports: readonly number[];
  readonly tries: number;
}

if (import.meta.main) {
  const { ports, tries }: Flood = JSON.parse(process.argv[2] ?? '');
  const address = parseIp('127.0.0.1') ?? { family: 4, bytes: new Uint8Array(4) };
  const names = ports.map((port) => {
    const bytes = encodeSockaddr({ address, port });
    const buffer = new NativeBuffer(bytes.length);
    buffer.u8.set(bytes);
    return buffer;
  });
  const fd = sys.socket(AF_INET, SOCK_STREAM, 0);
  let refused = 0;
  for (let i = 0; i < tries; i++) {
    const name = names[i % names.length];
    if (name && sys.bind(fd, name.address, name.u8.length) !== 0) refused++;
  }
  process.stdout.write(`${refused}`);
}
