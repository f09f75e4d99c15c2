// The daemon's log on standard error: plain lines on a terminal, JSON (pino) elsewhere.
import { pino } from 'pino';
import { printable } from '../base/printable.ts';

export interface Log {
  info(message: string, data?: object): void;
  warn(message: string, data?: object): void;
  error(message: string, data?: object): void;
}

/** `write` receives complete lines. */
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
