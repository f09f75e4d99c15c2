// What the kernel's settings and a host's sockets belong to, and do not outlive.
import { readFileSync, readlinkSync } from 'node:fs';

/** This boot, and the network namespace that we are in. */
export function bootAndNetwork(): string {
  return `${bootOf()} ${readlinkSync('/proc/self/ns/net')}`;
}

export function bootOf(): string {
  return `boot ${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}`;
}
