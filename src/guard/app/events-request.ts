// Queries for events: their parameters in the path of a request, and the line of JSON for each event.
import {
  EVENT_FIELD_NAMES,
  type EventFieldName,
  type GuardEvent,
  type NewGuardEvent,
} from '../../base/guard-event.ts';
import { JOB_NAME_MAX_CHARACTERS } from '../../base/limits.ts';
import { type PortForm, portRangeText, readPortList } from '../../base/port.ts';
import { parseRfc3339 } from '../../text/rfc3339.ts';
import type { EventQuery } from '../core/event-archive.ts';

/** The path on status.sock at which the daemon returns a line of JSON for each event. */
export const EVENTS_PATH = '/v1/events';

/** An event in JSON. A field that is unknown, or does not apply to this kind of event, is null. */
export type EventLine = {
  readonly number: number;
  /** RFC 3339, UTC. */
  readonly time: string;
} & {
  readonly [Name in Exclude<EventFieldName, 'timeMs'>]:
    | Exclude<NewGuardEvent[Name], undefined>
    | (undefined extends NewGuardEvent[Name] ? null : never);
};

export function eventLine(event: GuardEvent): EventLine {
  const { number, timeMs } = event;
  const names = EVENT_FIELD_NAMES.filter((name) => name !== 'timeMs');
  const fields = Object.fromEntries(names.map((name) => [name, event[name] ?? null] as const));
  return { number, time: new Date(timeMs).toISOString(), ...fields } as EventLine;
}

/** Queries may name port 0: a bind to port 0 can also be refused. */
export const EVENT_PORTS: PortForm = { takesZero: true };

export interface EventsRequest extends Pick<EventQuery, 'sinceMs' | 'job' | 'protocol' | 'ports'> {
  /** Also later events, as they happen; without `sinceMs` only those. */
  readonly isFollowing: boolean;
}

/** The query as a path with parameters. */
export function eventsPath({ isFollowing, sinceMs, job, protocol, ports }: EventsRequest): string {
  const all = {
    follow: isFollowing ? '1' : undefined,
    since: sinceMs === undefined ? undefined : new Date(sinceMs).toISOString(),
    job,
    protocol,
    port: ports?.map(portRangeText).join(','),
  };
  const parameters = new URLSearchParams();
  for (const [key, value] of Object.entries(all)) if (value !== undefined) parameters.set(key, value);
  return parameters.size === 0 ? EVENTS_PATH : `${EVENTS_PATH}?${parameters}`;
}

/** The parser of each parameter; it returns undefined for an invalid value. */
const READ: Readonly<Record<string, (text: string) => Partial<EventsRequest> | undefined>> = {
  follow: (text) => (text === '1' ? { isFollowing: true } : undefined),
  since: (text) => {
    const sinceMs = parseRfc3339(text);
    return sinceMs === undefined ? undefined : { sinceMs };
  },
  job: (text) => (text !== '' && text.length <= JOB_NAME_MAX_CHARACTERS ? { job: text } : undefined),
  protocol: (text) => (text === 'tcp' || text === 'udp' ? { protocol: text } : undefined),
  port: (text) => {
    const ports = readPortList(text, EVENT_PORTS);
    return ports && { ports };
  },
};

/** Parses such a path; the result is a message where it is invalid. */
export function parseEventsPath(path: string): EventsRequest | string {
  let request: EventsRequest = { isFollowing: false };
  for (const [key, value] of new URLSearchParams(path.split('?')[1] ?? '')) {
    const read = Object.hasOwn(READ, key) ? READ[key] : undefined;
    if (!read) return `there is no parameter ${key}; use ${Object.keys(READ).join(', ')}`;
    const part = read(value);
    if (!part) return `"${value}" is not a value of ${key}`;
    request = { ...request, ...part };
  }
  return request;
}
