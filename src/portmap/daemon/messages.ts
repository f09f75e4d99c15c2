// The messages between the daemon and its portmap process: one JSON object per line.
import type { NetId } from '../../base/netid.ts';
import type { SetAside } from '../app/journal.ts';
import type { OwnEntry, PortmapperReport } from '../app/portmapper.ts';
import type { EventCounts, PortmapEvent } from '../core/events.ts';
import type { LoggedSet } from '../wire/registration-log.ts';

/** A socket that the portmap process inherits. */
export interface GivenSocket {
  readonly fd: number;
  readonly netid: NetId;
  /** The address that it is bound to; the path of a Unix socket. */
  readonly address: string;
}

/** To the portmap process. */
export type ToPortmap =
  | {
      readonly type: 'serve';
      readonly sockets: readonly GivenSocket[];
      /** A routing netlink socket, and one of sock_diag. */
      readonly routeFd: number;
      readonly diagFd: number;
      /** net.ipv4.ip_unprivileged_port_start, and the record of the UDP ports that the guard grants. */
      readonly privilegedStartFd?: number | undefined;
      readonly grantedFd?: number | undefined;
      /** The two files of the registration log, and the stamp that they must have. */
      readonly logFds: readonly [number, number];
      readonly stamp: string;
      /** Registrations that are carried over from rpcbind. */
      readonly carried: readonly LoggedSet[];
      readonly own: readonly OwnEntry[];
    }
  /** The files of `set-aside` have been copied and may be overwritten. */
  | { readonly type: 'aside' }
  | { readonly type: 'status'; readonly id: number };

/** The status of the portmap process. */
export interface PortmapStatus extends PortmapperReport {
  readonly connections: number;
  /** Answers over UDP that the kernel did not accept. */
  readonly unsent: number;
  /** Changes over UDP that were not answered because they had waited too long. */
  readonly late: number;
}

/** From the portmap process. */
export type FromPortmap =
  | { readonly type: 'ready'; readonly missing: readonly string[]; readonly logFailure: string }
  | { readonly type: 'set-aside'; readonly files: readonly SetAside[] }
  | { readonly type: 'restored'; readonly count: number }
  | { readonly type: 'event'; readonly event: PortmapEvent }
  | { readonly type: 'suppressed'; readonly counts: EventCounts }
  | { readonly type: 'fault'; readonly stack: string }
  | ({ readonly type: 'status'; readonly id: number } & PortmapStatus);

type Fields = Readonly<Record<string, unknown>>;

const isText = (value: unknown): value is string => typeof value === 'string';
const isCount = (value: unknown): boolean => Number.isSafeInteger(value);
const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const areTexts = (fields: Fields, ...names: readonly string[]): boolean =>
  names.every((name) => isText(fields[name]));
const areCounts = (fields: Fields, ...names: readonly string[]): boolean =>
  names.every((name) => isCount(fields[name]));

/** `word` becomes part of a path: only known words are accepted. */
const isSetAside = (value: unknown): boolean =>
  isFields(value) &&
  (value['file'] === 0 || value['file'] === 1) &&
  (value['word'] === 'damaged' || value['word'] === 'other-boot') &&
  isText(value['reason']);

const isEvent = (value: unknown): boolean =>
  isFields(value) &&
  areTexts(value, 'what', 'reason', 'netid', 'address', 'from') &&
  areCounts(value, 'program', 'version') &&
  (value['uid'] === undefined || isCount(value['uid']));

const areCalls = (value: unknown): boolean =>
  isFields(value) && Object.values(value).every((counts) => Array.isArray(counts) && counts.every(isCount));

/** Validates the fields of each message. */
const IS_MESSAGE: Readonly<Record<FromPortmap['type'], (message: Fields) => boolean>> = {
  ready: ({ missing, logFailure }) => Array.isArray(missing) && missing.every(isText) && isText(logFailure),
  'set-aside': ({ files }) => Array.isArray(files) && files.every(isSetAside),
  restored: (message) => areCounts(message, 'count'),
  event: ({ event }) => isEvent(event),
  suppressed: ({ counts }) => isFields(counts) && areCounts(counts, 'set', 'unset', 'refused', 'dropped'),
  fault: (message) => areTexts(message, 'stack'),
  status: (message) =>
    areCounts(message, 'id', 'connections', 'unsent', 'mappings', 'foreign') && areCalls(message['calls']),
};

/**
 * Parses a line of the portmap process, which is exposed to the network and may be compromised; undefined if it is not
 * a valid message.
 */
export function readFromPortmap(line: string): FromPortmap | undefined {
  try {
    const message: unknown = JSON.parse(line);
    return isFromPortmap(message) ? message : undefined;
  } catch {
    return undefined;
  }
}

function isFromPortmap(message: unknown): message is FromPortmap {
  if (!isFields(message) || !isText(message['type'])) return false;
  const { type } = message;
  return Object.hasOwn(IS_MESSAGE, type) && IS_MESSAGE[type as FromPortmap['type']](message);
}
