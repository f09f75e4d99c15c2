// What the kernel's settings and a host's sockets belong to, and do not outlive.
import { readFileSync, readlinkSync } from 'node:fs';

/** This boot, and the network namespace that we are in. */
export function bootAndNetwork(): string {
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return `boot ${boot} ${readlinkSync('/proc/self/ns/net')}`;
}
