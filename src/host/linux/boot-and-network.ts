// Identifies the current boot and network namespace, to which kernel settings and sockets are limited.
import { readFileSync, readlinkSync } from 'node:fs';

/** Identifies this boot and our network namespace. */
export function bootAndNetwork(): string {
  return `${bootOf()} ${readlinkSync('/proc/self/ns/net')}`;
}

export function bootOf(): string {
  return `boot ${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}`;
}
