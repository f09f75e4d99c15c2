// The statement to add to a profile so that jobs may bind a port, and the entry that it replaces, if any.
import { UNKNOWN_JOB } from '../../base/job.ts';
import type { Protocol } from '../../base/port.ts';
import type { Reservation, RuleSource } from './rules.ts';

/** The place of a statement: "profile.tcpip:7". */
export function placeText({ file, line }: Pick<RuleSource, 'file' | 'line'>): string {
  return `${file}:${line}`;
}

/** The statement that reserves a port for jobs. A UDP port has one entry: for several jobs it is `*`. */
export function statementFor(port: number, protocol: Protocol, jobs: readonly string[]): string {
  const entry = (job: string) => `${port} ${protocol.toUpperCase()} ${job}`;
  if (protocol === 'udp' && jobs.length > 1) return `PORT ${entry('*')}`;
  const entries = jobs.filter((job) => job !== UNKNOWN_JOB).map(entry);
  if (entries.length === jobs.length) return `PORT ${entries.join(' ')}`;
  return `PORT ${[...entries, entry('JOB')].join(' ')}, when it runs under one: portreeve run --job JOB`;
}

/**
 * The statement that reserves a port for the jobs that none of its `entries` match, and the entry it conflicts with. A
 * UDP, range or RESERVED entry is the only one of its port: the statement then replaces it and names `all` jobs.
 */
export function changeText(
  port: number,
  protocol: Protocol,
  jobs: { readonly all: readonly string[]; readonly missing: readonly string[] },
  entries: readonly Pick<Reservation, 'isRange' | 'use' | 'source'>[],
): string {
  const [first] = entries;
  if (!first) return statementFor(port, protocol, jobs.all);
  const isExclusive = first.isRange || protocol === 'udp' || first.use.kind === 'RESERVED';
  if (!isExclusive) return statementFor(port, protocol, jobs.missing);
  const condition = first.isRange ? 'after removing the port from the range at' : 'instead of the entry at';
  return `${statementFor(port, protocol, jobs.all)}, ${condition} ${placeText(first.source)}`;
}
