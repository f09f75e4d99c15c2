// What the files in the state directory are called.

/** The archive of what was applied. */
export const PROFILE_DATABASE = 'profile.db';
/** The archive of the guard's events. */
export const EVENT_DATABASE = 'events.db';
/** The record of the UDP ports that the guard has granted; the boot's number follows. */
export const GRANTED_UDP_PORTS = 'granted-udp-ports';
/** The archive of users and groups that are in no file of the host. */
export const USER_DATABASE = 'users.db';
