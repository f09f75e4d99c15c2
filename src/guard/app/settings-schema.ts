// The schema of the section [guard] of portreeve.toml.
import { GUARD_NAMESPACES_MAX } from '../../base/limits.ts';
import { PATH, z } from '../../kit/schema.ts';
import { namespacePath } from '../../text/namespace.ts';
import { GUARD_ERRNOS, type GuardErrno } from './settings.ts';

const ERRNO = 'the name of an errno: EACCES, EPERM or EADDRINUSE';
const ERRNOS = Object.keys(GUARD_ERRNOS) as readonly GuardErrno[];
const NAMESPACE = 'a name that "ip netns" lists, such as web, or an absolute path';
/** One is reserved for the namespace in which the guard is started. */
const NAMESPACES = `a list of at most ${GUARD_NAMESPACES_MAX - 1} network namespaces`;

const isNamespace = (text: string): boolean => namespacePath(text) !== undefined;

export const GUARD = z.strictObject(
  {
    errno: z.enum(ERRNOS, ERRNO).optional(),
    errno_low: z.enum(ERRNOS, ERRNO).optional(),
    cgroup: PATH.optional(),
    namespaces: z
      .array(z.string(NAMESPACE).refine(isNamespace, NAMESPACE), NAMESPACES)
      .max(GUARD_NAMESPACES_MAX - 1, NAMESPACES)
      .optional(),
  },
  'a section, [guard]',
);
