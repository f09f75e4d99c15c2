// What is to be changed in a profile so that jobs get a port: the statement, and where it does not simply come beside.
import { UNKNOWN_JOB } from '../../base/job.ts';
import type { Protocol } from '../../base/port.ts';
import type { Reservation, RuleSource } from './rules.ts';

/** A statement of a profile: "profile.tcpip:7". */
export function placeText({ file, line }: Pick<RuleSource, 'file' | 'line'>): string {
  return `${file}:${line}`;
}

/** The statement that reserves a port for jobs. A port of UDP has one entry: for several jobs it is for every job. */
export function statementFor(port: number, protocol: Protocol, jobs: readonly string[]): string {
  const entry = (job: string) => `${port} ${protocol.toUpperCase()} ${job}`;
  if (protocol === 'udp' && jobs.length > 1) return `PORT ${entry('*')}`;
  const entries = jobs.filter((job) => job !== UNKNOWN_JOB).map(entry);
  if (entries.length === jobs.length) return `PORT ${entries.join(' ')}`;
  return `PORT ${[...entries, entry('JOB')].join(' ')}, when it runs under one: portreeve run --job JOB`;
}

/**
 * The statement that gives a port to the jobs that have none of its `entries`, and what of these is in its way. An
 * entry of UDP, of a range or for no one stands alone: then the statement is for `all` jobs that are to have the port.
 */
export function changeText(
  port: number,
  protocol: Protocol,
  jobs: { readonly all: readonly string[]; readonly missing: readonly string[] },
  entries: readonly Pick<Reservation, 'isRange' | 'use' | 'source'>[],
): string {
  const [first] = entries;
  if (!first) return statementFor(port, protocol, jobs.all);
  const isAlone = first.isRange || protocol === 'udp' || first.use.kind === 'RESERVED';
  if (!isAlone) return statementFor(port, protocol, jobs.missing);
  const what = first.isRange ? 'with the port left out of the range of' : 'in the place of';
  return `${statementFor(port, protocol, jobs.all)}, ${what} ${placeText(first.source)}`;
}
