// Which ports a profile gives to others than root, also where Linux asks for a capability.
import { PORT_MAX, PORT_MIN, type Protocol } from '../../base/port.ts';
import type { Profile } from './rules.ts';

/**
 * Ports of which the guard asks for no capability, whoever the job is: a job may be an ordinary user's. All of them
 * where low ports are not restricted.
 */
export function grantedPorts(
  { reservations, ...profile }: Profile,
  protocol: Protocol,
): readonly { readonly first: number; readonly last: number }[] {
  const { lowPorts } = profile[protocol];
  if (lowPorts && !lowPorts.isRestricted) return [{ first: PORT_MIN, last: PORT_MAX }];
  return reservations.filter((one) => one.protocol === protocol && one.use.kind !== 'RESERVED');
}
