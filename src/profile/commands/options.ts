// What commands about profiles have in common.
import type { Argument, Option, Options } from '../../kit/command.ts';
import { CONFIG, FILE_VALUE } from '../../kit/options.ts';

export const FILE = {
  help: 'a profile (default: [profile] file of portreeve.toml)',
  optional: true,
  completion: 'file',
} satisfies Argument;

export const READING = {
  symbol: {
    value: 'value',
    help: 'a system symbol, NAME=VALUE; may be repeated',
    detail: "`&SYSNAME.` is the first label of the host's name, in capitals, without it.",
    repeatable: true,
  },
  zosNames: {
    help: 'hold job names to the 8 characters of z/OS',
    detail: 'Otherwise they have up to 64.',
  },
  config: { ...CONFIG, defaultText: 'portreeve.toml in the configuration directory' },
} satisfies Options;

export const RACF = {
  ...FILE_VALUE,
  help: 'RACF commands: who may use the ports behind SAF',
} satisfies Option;

export const KEEP_GOING = { help: 'ignore what z/OS ignores in a profile with errors' } satisfies Option;

export const SKIPPED = {
  help: 'also list the statements that are skipped, one by one',
} satisfies Option;
