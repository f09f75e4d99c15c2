// What the guard did, as it is shown: who may see what, and the line of JSON that stands for an event.
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

/** The path on status.sock under which the daemon gives a line of JSON for each event. */
export const EVENTS_PATH = '/v1/events';

/** An event as JSON has it: what is not known, or does not belong to its kind, is null. */
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

/** The ports of a question; a bind of any port, which is port 0, can be refused as well. */
export const EVENT_PORTS: PortForm = { takesZero: true };

/** Which events somebody asks for. */
export interface EventsAsked extends Pick<EventQuery, 'sinceMs' | 'job' | 'protocol' | 'ports'> {
  /** Further ones, too, as they come. Without `sinceMs` only these. */
  readonly isFollowing: boolean;
}

/** The question as a path with parameters. */
export function eventsPath({ isFollowing, sinceMs, job, protocol, ports }: EventsAsked): string {
  const said = {
    follow: isFollowing ? '1' : undefined,
    since: sinceMs === undefined ? undefined : new Date(sinceMs).toISOString(),
    job,
    protocol,
    port: ports?.map(portRangeText).join(','),
  };
  const parameters = new URLSearchParams();
  for (const [key, value] of Object.entries(said)) if (value !== undefined) parameters.set(key, value);
  return parameters.size === 0 ? EVENTS_PATH : `${EVENTS_PATH}?${parameters}`;
}

/** How each parameter is read; undefined for what it cannot be. */
const READ: Readonly<Record<string, (text: string) => Partial<EventsAsked> | undefined>> = {
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

/** Reads such a path; a text says what is wrong with it. */
export function parseEventsPath(path: string): EventsAsked | string {
  let asked: EventsAsked = { isFollowing: false };
  for (const [key, value] of new URLSearchParams(path.split('?')[1] ?? '')) {
    const read = Object.hasOwn(READ, key) ? READ[key] : undefined;
    if (!read) return `there is no parameter ${key}; there are ${Object.keys(READ).join(', ')}`;
    const part = read(value);
    if (!part) return `${key} cannot be "${value}"`;
    asked = { ...asked, ...part };
  }
  return asked;
}
