// What is told of an operating system's ports.
import type { Protocol } from '../../base/port.ts';

/** A closed range of ports. */
export interface StackRange {
  readonly first: number;
  readonly last: number;
}

/**
 * Where something about a system is said.
 * - `measured`: seen on a running system.
 * - `code`: read in its source code.
 * - `manual`: said by its maker.
 * - `report`: said by others.
 */
interface StackSource {
  readonly kind: 'measured' | 'code' | 'manual' | 'report';
  readonly text: string;
}

/**
 * How likely one meets it.
 * - `today`: often.
 * - `rare`: it is in use, but not often met.
 * - `past`: hardly any more.
 */
type StackGroup = 'today' | 'rare' | 'past';

/** An operating system, as far as its ports go; where nobody has changed anything. */
export interface Stack {
  /** The word for it, which does not change. */
  readonly id: string;
  /** Other words that mean it. */
  readonly aliases: readonly string[];
  readonly title: string;
  readonly group: StackGroup;
  /** What it gives to sockets that ask for no port in particular. */
  readonly ephemeral: Readonly<Record<Protocol, StackRange>>;
  /** Binding a port below it takes a privilege; 0 where none does, undefined where it is not known. */
  readonly privilegedBelow: number | undefined;
  /** Commands that show the range. */
  readonly see: readonly string[];
  /** Commands that change it, and where it is written down to stay. */
  readonly change: readonly string[];
  /** Which values it takes; undefined where it is not known or does not matter. */
  readonly bounds?: string;
  /** What else there is to know, a sentence each. */
  readonly notes: readonly string[];
  readonly sources: readonly StackSource[];
}
