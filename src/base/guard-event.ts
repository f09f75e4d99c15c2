// The events of the guard, as stored and printed: one refused bind(2), or the number of several.

/** The type of a value: an integer, a text, or one of several words. */
export type EventScalar =
  | { readonly type: 'integer' }
  | { readonly type: 'text'; readonly words?: readonly string[] };

/** A field: one value, or several named parts that are either all known or all unknown. */
export type EventField = (EventScalar | { readonly parts: Readonly<Record<string, EventScalar>> }) & {
  /** Without it, the value is undefined if it is unknown or does not apply to the event's kind. */
  readonly isAlways?: true;
};

/**
 * The fields of an event, in the order of the columns of the archive and of the keys in JSON. Both are derived from
 * here: a change requires a new layout of the archive and a migration.
 */
export const EVENT_FIELDS = {
  /** Milliseconds since 1970-01-01 UTC. For `more` and `lost`, the time when they were counted. */
  timeMs: { type: 'integer', isAlways: true },
  /**
   * `bind`: a bind(2) that was refused, or would have been. `more`: a count of further ones with the same user, job,
   * port and reason; without a port, of further ones by one user. `lost`: a count of those about which nothing is
   * known.
   */
  kind: { type: 'text', words: ['bind', 'more', 'lost'], isAlways: true },
  /** The number of binds that the event represents. */
  count: { type: 'integer', isAlways: true },
  /** `observed`: the bind was allowed, because the guard only observes. */
  verdict: { type: 'text', words: ['refused', 'observed'] },
  /** A reason code of the policy. */
  reason: { type: 'text' },
  job: { type: 'text' },
  uid: { type: 'integer' },
  /** The user's name. */
  user: { type: 'text' },
  pid: { type: 'integer' },
  /** The name of the process (comm in proc_pid_comm(5)). */
  command: { type: 'text' },
  protocol: { type: 'text', words: ['tcp', 'udp'] },
  /** The requested address, as text. */
  address: { type: 'text' },
  port: { type: 'integer' },
  /** The errno that bind(2) failed with, or would have. */
  errno: { type: 'text' },
  /** The statement that decided. */
  rule: { parts: { file: { type: 'text' }, line: { type: 'integer' }, text: { type: 'text' } } },
  /** The revision of the profile that was in force. */
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

export type EventValue = string | number | Readonly<Record<string, string | number>> | undefined;

/** An event that is not yet in the archive. */
export type NewGuardEvent = {
  readonly [Name in EventFieldName]:
    | ValueOf<Fields[Name]>
    | (Fields[Name] extends { readonly isAlways: true } ? never : undefined);
};

/** An event in the archive. */
export interface GuardEvent extends NewGuardEvent {
  /** Increases with each event. */
  readonly number: number;
}

/** Builds an event from the known fields. The others are undefined. */
export function eventWith(
  known: Pick<NewGuardEvent, 'kind' | 'count' | 'timeMs'> & Partial<NewGuardEvent>,
): NewGuardEvent {
  const unknown = Object.fromEntries(EVENT_FIELD_NAMES.map((name) => [name, undefined] as const));
  return { ...unknown, ...known } as NewGuardEvent;
}
