// The ephemeral range of an operating system, and what else is known about its ports.
import type { Protocol } from '../../base/port.ts';

export interface StackRange {
  readonly first: number;
  readonly last: number;
}

/**
 * - `measured`: observed on a running system.
 * - `code`: from its source code.
 * - `manual`: from its vendor's documentation.
 * - `report`: from third parties.
 */
interface StackSource {
  readonly kind: 'measured' | 'code' | 'manual' | 'report';
  readonly text: string;
}

/**
 * - `today`: in common use.
 * - `rare`: in use, but not common.
 * - `past`: hardly in use any more.
 */
type StackGroup = 'today' | 'rare' | 'past';

/** The defaults of an operating system. */
export interface Stack {
  /** A stable name. */
  readonly id: string;
  readonly aliases: readonly string[];
  readonly title: string;
  readonly group: StackGroup;
  readonly ephemeral: Readonly<Record<Protocol, StackRange>>;
  /** Binding a lower port needs privilege; 0 if none does, undefined if unknown. */
  readonly privilegedBelow: number | undefined;
  /** Commands that show the range. */
  readonly show: readonly string[];
  /** Commands that change it, and files that make the change persistent. */
  readonly change: readonly string[];
  /** The legal values; undefined if unknown. */
  readonly bounds?: string;
  /** Sentences. */
  readonly notes: readonly string[];
  readonly sources: readonly StackSource[];
}
