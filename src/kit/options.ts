// Arguments and options that commands of several features share.
import type { Argument, Option } from './command.ts';

/** For commands that inspect ports. */
export const REQUESTED_PORTS = {
  help: 'ports and ranges: 80, 53/udp, ssh, 8000-8010',
  repeatable: true,
} satisfies Argument;

export const DIRECTORY = { value: 'dir', completion: 'directory' } as const;

export const FILE_VALUE = { value: 'file', completion: 'file' } as const;

export const JSON_OUTPUT = { help: 'print JSON' } satisfies Option;

export const CONFIG = {
  ...FILE_VALUE,
  help: 'the settings file',
  detail: 'See portreeve.toml(5).',
  defaultText: 'portreeve.toml in the configuration directory',
} satisfies Option;

export const RUNTIME = {
  ...DIRECTORY,
  help: "the daemon's runtime directory",
  defaultText: "your own, then the system's",
} satisfies Option;

/** For commands that read applied profiles. */
export const STATE = {
  ...DIRECTORY,
  help: 'the state directory',
  detail: 'Your own is used if it is not empty.',
  defaultText: "your own, then the system's",
} satisfies Option;

/** For tests, and for several guards that each cover a part of a host. */
export const PINS = {
  value: 'dir',
  help: "directory of the guard's pinned objects in bpffs",
  hidden: true,
} satisfies Option;

export const BPXPRM = {
  ...FILE_VALUE,
  help: 'a BPXPRMxx member; the profile has to reserve its INADDRANY ports',
} satisfies Option;
