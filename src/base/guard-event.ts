// What the guard did, as it is told and kept: a bind(2) that was refused, or the number of several.
import type { Protocol } from './port.ts';

/**
 * Something that the guard did, on its way into the archive. What does not belong to its kind, or is not known, is
 * undefined.
 */
export interface NewGuardEvent {
  /**
   * `bind`: a bind(2) that was refused, or would have been. `more`: further ones, counted only: of the same user, job,
   * port and reason; without a port, of one user. `lost`: those of which nothing but their number is known.
   */
  readonly kind: 'bind' | 'more' | 'lost';
  /** How many it stands for. */
  readonly count: number;
  /** When, in milliseconds since 1970-01-01 UTC; with `more` and `lost` when they had been counted. */
  readonly timeMs: number;
  /** `observed`: it was allowed, because the guard only observes. */
  readonly verdict: 'refused' | 'observed' | undefined;
  /** Why, in a word of the policy. */
  readonly reason: string | undefined;
  readonly job: string | undefined;
  readonly uid: number | undefined;
  /** The name of that user. */
  readonly user: string | undefined;
  readonly pid: number | undefined;
  /** What the process calls itself (comm in proc_pid_comm(5)). */
  readonly command: string | undefined;
  readonly protocol: Protocol | undefined;
  /** The address that it asked for, as text. */
  readonly address: string | undefined;
  readonly port: number | undefined;
  /** The errno that bind(2) failed with, or would have. */
  readonly errno: string | undefined;
  /** The revision of the profile by which it was judged. */
  readonly revision: number | undefined;
  /** The statement that said so. */
  readonly rule: { readonly file: string; readonly line: number; readonly text: string } | undefined;
}

/** Something that the guard did. */
export interface GuardEvent extends NewGuardEvent {
  /** Each has a larger one than those before it. */
  readonly number: number;
}
