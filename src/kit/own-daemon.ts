// What the daemon of portreeve is known by among the processes of a host.

/** Its name and its whole command line: nothing else of portreeve has the same. */
export const DAEMON_TITLE = 'portreeve';

/** The unit that `portreeve install` makes for it. */
export const DAEMON_UNIT = 'portreeve.service';
