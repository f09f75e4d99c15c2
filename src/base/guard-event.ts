// What the guard did, as it is reported and kept: a bind(2) that was refused, or the number of several.

/** What one value of an event is: a whole number, a text, or one of some words. */
export type EventScalar =
  | { readonly type: 'integer' }
  | { readonly type: 'text'; readonly words?: readonly string[] };

/** A field: one value, or several under names that are known together. */
export type EventField = (EventScalar | { readonly parts: Readonly<Record<string, EventScalar>> }) & {
  /** Without it, it is undefined where it does not belong to the event's kind, or is not known. */
  readonly isAlways?: true;
};

/**
 * The fields of an event on its way into the archive, in the order of the columns there and of the keys in JSON. What
 * is stored and printed is derived from here: a change takes another layout of the archive, and a migration to it.
 */
export const EVENT_FIELDS = {
  /** When, in milliseconds since 1970-01-01 UTC; with `more` and `lost` when they had been counted. */
  timeMs: { type: 'integer', isAlways: true },
  /**
   * `bind`: a bind(2) that was refused, or would have been. `more`: further ones, counted only: of the same user, job,
   * port and reason; without a port, of one user. `lost`: those of which nothing but their number is known.
   */
  kind: { type: 'text', words: ['bind', 'more', 'lost'], isAlways: true },
  /** How many it stands for. */
  count: { type: 'integer', isAlways: true },
  /** `observed`: it was allowed, because the guard only observes. */
  verdict: { type: 'text', words: ['refused', 'observed'] },
  /** Why, in a word of the policy. */
  reason: { type: 'text' },
  job: { type: 'text' },
  uid: { type: 'integer' },
  /** The name of that user. */
  user: { type: 'text' },
  pid: { type: 'integer' },
  /** What the process calls itself (comm in proc_pid_comm(5)). */
  command: { type: 'text' },
  protocol: { type: 'text', words: ['tcp', 'udp'] },
  /** The address that it asked for, as text. */
  address: { type: 'text' },
  port: { type: 'integer' },
  /** The errno that bind(2) failed with, or would have. */
  errno: { type: 'text' },
  /** The statement that said so. */
  rule: { parts: { file: { type: 'text' }, line: { type: 'integer' }, text: { type: 'text' } } },
  /** The revision of the profile by which it was judged. */
  revision: { type: 'integer' },
} as const satisfies Readonly<Record<string, EventField>>;

type Fields = typeof EVENT_FIELDS;
export type EventFieldName = keyof Fields;

export const EVENT_FIELD_NAMES: readonly EventFieldName[] = Object.keys(EVENT_FIELDS).filter(
  (name): name is EventFieldName => name in EVENT_FIELDS,
);

type ValueOf<Field> = Field extends { readonly words: readonly (infer Word)[] }
  ? Word
  : Field extends { readonly type: 'integer' }
    ? number
    : Field extends { readonly parts: infer Parts }
      ? { readonly [Part in keyof Parts]: ValueOf<Parts[Part]> }
      : string;

/** Any value of a field. */
export type EventValue = string | number | Readonly<Record<string, string | number>> | undefined;

/** Something that the guard did, on its way into the archive. */
export type NewGuardEvent = {
  readonly [Name in EventFieldName]:
    | ValueOf<Fields[Name]>
    | (Fields[Name] extends { readonly isAlways: true } ? never : undefined);
};

/** Something that the guard did. */
export interface GuardEvent extends NewGuardEvent {
  /** Each has a larger one than those before it. */
  readonly number: number;
}

/** An event of which so much is known. */
export function eventWith(
  known: Pick<NewGuardEvent, 'kind' | 'count' | 'timeMs'> & Partial<NewGuardEvent>,
): NewGuardEvent {
  const unknown = Object.fromEntries(EVENT_FIELD_NAMES.map((name) => [name, undefined] as const));
  return { ...unknown, ...known } as NewGuardEvent;
}
