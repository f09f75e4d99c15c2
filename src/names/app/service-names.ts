// Reads /etc/services.
import { SERVICES_MAX_CHARACTERS } from '../../base/limits.ts';
import type { Files } from '../../host/host.ts';
import { ServiceNames } from '../core/services.ts';

/** The names in /etc/services; empty if it does not exist. Throws what readText() throws. */
export function serviceNames(files: Pick<Files, 'readText'>): ServiceNames {
  return new ServiceNames(files.readText('/etc/services', SERVICES_MAX_CHARACTERS) ?? '');
}
