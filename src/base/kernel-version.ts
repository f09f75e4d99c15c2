// Which Linux the guard takes: the oldest one on which it is tested, as hints name it.
export const GUARD_LINUX_HINT = 'It takes Linux 6.1 or newer';
