// With what a bind(2) that the profile refuses may fail.

/** How bind(2) can fail (errno(3)): the numbers are the same on every architecture. */
export const GUARD_ERRNOS = { EPERM: 1, EACCES: 13, EADDRINUSE: 98 } as const;
export type GuardErrno = keyof typeof GUARD_ERRNOS;
