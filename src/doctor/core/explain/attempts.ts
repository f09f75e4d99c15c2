// What would become of a server on a port: on each address that matters, and with each option that could help it.
import { formatIp, type IpAddress, parseIp } from '../../../base/address.ts';
import { PortreeveError } from '../../../base/errors.ts';
import type { OpenSocket } from '../../../base/open-socket.ts';
import type { Protocol } from '../../../base/port.ts';
import { type BindOutcome, judgeBind } from './bind-conflict.ts';

/** Where a server could be bound. */
interface Place {
  /** As people write it; "another IPv4 address" stands for any that nobody has bound. */
  readonly text: string;
  readonly address: IpAddress;
  /** IPV6_V6ONLY is set, so that it takes no IPv4. */
  readonly v6Only: boolean;
}

/** What would become of a server at a place. */
export interface Attempt<Holder extends OpenSocket = OpenSocket> {
  readonly place: Place;
  /** Without any option. */
  readonly plain: BindOutcome<Holder>;
  readonly reuseAddress: BindOutcome<Holder>;
  /** With SO_REUSEPORT, as the user who asks. */
  readonly reusePort: BindOutcome<Holder>;
}

/** Addresses for "any other one": reserved (RFC 1112 section 4), and discarded (RFC 6666), so that none is bound. */
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

/** More addresses than these are not looked at one by one. */
const HELD_PLACES_MAX = 8;

/** Everything that a server of that user could try, by the sockets that are on the port. */
export function attemptsOn<Holder extends OpenSocket>(
  protocol: Protocol,
  holders: readonly Holder[],
  uid: number,
): Attempt<Holder>[] {
  return [...ALWAYS, ...heldPlaces(holders), ...OTHER_PLACES].map((place) => {
    const attempt = (reuseAddress: boolean, reusePort: boolean) =>
      judgeBind(holders, { protocol, ...place, reuseAddress, reusePort, uid });
    return {
      place,
      plain: attempt(false, false),
      reuseAddress: attempt(true, false),
      reusePort: attempt(false, true),
    };
  });
}

/** The addresses that somebody holds, besides those that are looked at anyway. */
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
  throw new PortreeveError('NO_ADDRESS', `${text} is no address`);
}
