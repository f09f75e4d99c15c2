// The daemon's log, on standard error: lines for people on a terminal, JSON (pino) everywhere else.
import { pino } from 'pino';
import { printable } from '../base/printable.ts';
import type { EventCounts, PortmapEvent } from '../portmap/core/events.ts';

/** What can be logged, by importance. */
export interface Log {
  info(message: string, data?: object): void;
  warn(message: string, data?: object): void;
  error(message: string, data?: object): void;
}

/** Makes the log; `prefix` is the word of the part that speaks. */
export function openLog(write: (text: string) => void, isTerminal: boolean): Log {
  if (!isTerminal) {
    const log = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime }, { write });
    return {
      info: (message, data = {}) => log.info(data, message),
      warn: (message, data = {}) => log.warn(data, message),
      error: (message, data = {}) => log.error(data, message),
    };
  }
  const line = (level: string) => (message: string) => {
    write(`${new Date().toTimeString().slice(0, 8)} ${level}${printable(message)}\n`);
  };
  return { info: line(''), warn: line('warning: '), error: line('error: ') };
}

/** A change of the registrations in a sentence. */
export function eventText(event: PortmapEvent): string {
  const { what, program, version, netid, address, reason, uid, from } = event;
  const entry = `program ${program} version ${version} ${netid} ${address}`;
  if (what === 'dropped') return `portmap: ${entry} was dropped: ${reason}`;
  const who = uid === undefined ? `a caller at ${from}` : `uid ${uid} (${from})`;
  const verb = what === 'set' ? 'registered' : what === 'unset' ? 'removed' : 'was refused';
  return `portmap: ${who} ${verb} ${entry}${reason === '' ? '' : `: ${reason}`}`;
}

/** How many changes were not told one by one. */
export function moreText({ set, unset, refused, dropped }: EventCounts): string {
  return `besides, ${set} registered, ${unset} removed, ${refused} refused and ${dropped} dropped in a second`;
}
