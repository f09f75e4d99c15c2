// Predicts the bind of a server to a port on each relevant address, without options and with SO_REUSEADDR or
// SO_REUSEPORT.
import { formatIp, type IpAddress, parseIp } from '../../../base/address.ts';
import { PortreeveError } from '../../../base/errors.ts';
import type { OpenSocket } from '../../../base/open-socket.ts';
import type { Protocol } from '../../../base/port.ts';
import { type BindOutcome, predictBind } from './bind-conflict.ts';

/** A local address to bind. */
interface Place {
  /** As people write it; "another IPv4 address" is any address to which no socket is bound. */
  readonly text: string;
  readonly address: IpAddress;
  readonly v6Only: boolean;
}

/** The predicted outcomes on one local address. */
export interface Attempt<Holder extends OpenSocket = OpenSocket> {
  readonly place: Place;
  /** Without socket options. */
  readonly plain: BindOutcome<Holder>;
  readonly reuseAddress: BindOutcome<Holder>;
  /** With SO_REUSEPORT, as the calling user. */
  readonly reusePort: BindOutcome<Holder>;
}

/** Stand-ins for any other address: reserved (RFC 1112 section 4), or discard-only (RFC 6666), so never bound. */
export const OTHER_PLACES: readonly Place[] = [
  { ...placeOf('240.0.0.1'), text: 'another IPv4 address' },
  { ...placeOf('100::1'), text: 'another IPv6 address' },
];

const ALWAYS: readonly Place[] = [
  placeOf('0.0.0.0'),
  placeOf('::'),
  { ...placeOf('::'), text: ':: with IPV6_V6ONLY', v6Only: true },
  placeOf('127.0.0.1'),
  placeOf('::1'),
];

const HELD_PLACES_MAX = 8;

/** Predicts every kind of bind by a user, given the sockets on the port. */
export function attemptsOn<Holder extends OpenSocket>(
  protocol: Protocol,
  holders: readonly Holder[],
  uid: number,
): Attempt<Holder>[] {
  return [...ALWAYS, ...heldPlaces(holders), ...OTHER_PLACES].map((place) => {
    const attempt = (reuseAddress: boolean, reusePort: boolean) =>
      predictBind(holders, { protocol, ...place, reuseAddress, reusePort, uid });
    return {
      place,
      plain: attempt(false, false),
      reuseAddress: attempt(true, false),
      reusePort: attempt(false, true),
    };
  });
}

/** The bound addresses that are not among those that are always listed. */
function heldPlaces(holders: readonly OpenSocket[]): Place[] {
  const known = new Set(ALWAYS.map(({ text }) => text));
  const held = new Set(
    holders.map(({ local }) => formatIp(local.address)).filter((text) => !known.has(text)),
  );
  return [...held].slice(0, HELD_PLACES_MAX).map(placeOf);
}

function placeOf(text: string): Place {
  const address = parseIp(text);
  if (address) return { text, address, v6Only: false };
  throw new PortreeveError('NO_ADDRESS', `${text} is not an address`);
}
