// Arguments and options that commands of several features have.
import type { Argument, Option } from './command.ts';

/** Of commands that inspect ports. */
export const ASKED_PORTS = {
  help: 'ports and ranges: 80, 53/udp, ssh, 8000-8010',
  repeatable: true,
} satisfies Argument;

/** A directory as a value. */
export const DIRECTORY = { value: 'dir', completion: 'directory' } as const;

/** A file as a value. */
export const FILE_VALUE = { value: 'file', completion: 'file' } as const;

export const JSON_OUTPUT = { help: 'print JSON' } satisfies Option;

export const CONFIG = {
  ...FILE_VALUE,
  help: 'settings',
  detail: 'See portreeve.toml(5).',
} satisfies Option;

export const RUNTIME = {
  ...DIRECTORY,
  help: "the daemon's runtime directory",
  defaultText: "your own, then the system's",
} satisfies Option;

/** For commands that inspect what was applied. */
export const STATE = {
  ...DIRECTORY,
  help: 'the state directory',
  detail: 'Your own is taken if there is anything in it.',
  defaultText: "your own, then the system's",
} satisfies Option;

/** The same for commands to which nothing else there matters. */
export const ARCHIVE = {
  ...DIRECTORY,
  help: 'where the record of applied profiles is',
} satisfies Option;

/** The directory of the guard's names in bpffs: for tests, and for several guards of parts of a host. */
export const PINS = {
  value: 'dir',
  help: "the directory of the guard's names in bpffs",
  hidden: true,
} satisfies Option;

export const BPXPRM = {
  ...FILE_VALUE,
  help: 'a BPXPRMxx, whose INADDRANY ports the profile has to reserve',
} satisfies Option;
