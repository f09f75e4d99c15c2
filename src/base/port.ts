// What a port number is, and the one function that reads it from text.
import { PortreeveError } from './errors.ts';

declare const portBrand: unique symbol;

/** A TCP or UDP port that a socket can be bound to: 1 to 65535. */
export type Port = number & { readonly [portBrand]: true };

/** The transports that have ports. */
export type Protocol = 'tcp' | 'udp';

/** Ports from the first to the last. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** The lowest and the highest port. */
export const PORT_MIN = 1;
export const PORT_MAX = 65535;

/** The well-known port of the port mapper (RFC 1833 section 3.2). */
export const PORTMAP_PORT = 111 as Port;

/** Whether a number is a port. */
export function isPort(value: number): value is Port {
  return Number.isInteger(value) && value >= PORT_MIN && value <= PORT_MAX;
}

/**
 * The value of a text of decimal digits, or undefined if it has anything else in it or exceeds `max`.
 * Signs, blanks, leading zeros of more than ten digits, hexadecimal and exponents are not numbers here.
 */
export function parseDecimal(text: string, max: number): number | undefined {
  if (!/^[0-9]{1,10}$/.test(text)) return undefined;
  let value = 0;
  for (let i = 0; i < text.length; i++) value = value * 10 + (text.charCodeAt(i) - 48);
  return value <= max ? value : undefined;
}

/** Reads a port from text. Throws PortreeveError `PORT_INVALID` (usage) unless it is 1 to 65535 in digits. */
export function parsePort(text: string): Port {
  const value = parseDecimal(text, PORT_MAX);
  if (value === undefined || !isPort(value)) {
    throw new PortreeveError(
      'usage',
      'PORT_INVALID',
      `"${text}" is not a port`,
      'A port is a number from 1 to 65535.',
      {
        value: text,
      },
    );
  }
  return value;
}
