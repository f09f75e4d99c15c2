// The names of files in the state directory.

/** The archive of applied profiles. */
export const PROFILE_DATABASE = 'profile.db';
/** The archive of guard events. */
export const EVENT_DATABASE = 'events.db';
/** The record of UDP ports that the guard has granted. The boot ID is appended. */
export const GRANTED_UDP_PORTS = 'granted-udp-ports';
/** The archive of users and groups that are not in the local files. */
export const USER_DATABASE = 'users.db';
