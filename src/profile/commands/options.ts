// Arguments and options that the profile commands share.
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
    detail: 'The default of `&SYSNAME.` is the first label of the host name, in upper case.',
    repeatable: true,
  },
  zosNames: {
    help: 'limit job names to the 8 characters of z/OS',
    detail: 'Without it they may have 64.',
  },
  config: CONFIG,
} satisfies Options;

export const RACF = {
  ...FILE_VALUE,
  help: 'RACF commands, which define access to ports with SAF',
} satisfies Option;

export const KEEP_GOING = { help: 'ignore entries with errors, as z/OS does' } satisfies Option;

export const SKIPPED = {
  help: 'also list the skipped statements',
} satisfies Option;
