// The ports that a profile grants without CAP_NET_BIND_SERVICE, which Linux requires below 1024.
import { PORT_MAX, PORT_MIN, type Protocol } from '../../base/port.ts';
import type { Profile } from './rules.ts';

/**
 * The ranges for which the guard requires no capability of any job, since a job may belong to an ordinary user. All
 * ports if low ports are not restricted.
 */
export function grantedPorts(
  { reservations, ...profile }: Profile,
  protocol: Protocol,
): readonly { readonly first: number; readonly last: number }[] {
  const { lowPorts } = profile[protocol];
  if (lowPorts && !lowPorts.isRestricted) return [{ first: PORT_MIN, last: PORT_MAX }];
  return reservations.filter((one) => one.protocol === protocol && one.use.kind !== 'RESERVED');
}
