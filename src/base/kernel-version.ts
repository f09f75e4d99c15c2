// The oldest Linux version on which the guard is tested, for hints.
export const GUARD_LINUX_HINT = 'It requires Linux 6.1 or newer';
