// The schema of the section [portmap] of portreeve.toml.
import { UID_MAX } from '../../base/limits.ts';
import { isListenableAddress, isListenablePath, LISTENABLE_PATH } from '../../kit/listenable.ts';
import { PORT, z } from '../../kit/schema.ts';

const ADDRESS =
  'an IP address of this host, such as 192.0.2.7 or ::1, or 0.0.0.0 and :: for all of IPv4 and IPv6';
const UID = `a number from 1 to ${UID_MAX}`;

export const PORTMAP = z.strictObject(
  {
    listen: z.array(z.string(ADDRESS).refine(isListenableAddress, ADDRESS), 'a list of addresses').optional(),
    port: PORT.optional(),
    local: z.string(LISTENABLE_PATH).refine(isListenablePath, LISTENABLE_PATH).optional(),
    uid: z.int(UID).min(1, UID).max(UID_MAX, UID).optional(),
  },
  'a section, [portmap]',
);
