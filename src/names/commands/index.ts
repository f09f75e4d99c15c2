// The command for the ephemeral ranges of operating systems: `portreeve stacks`.
import { type Command, command, type OptionsOf } from '../../kit/command.ts';
import { JSON_OUTPUT } from '../../kit/options.ts';

const STACKS_OPTIONS = {
  json: {
    ...JSON_OUTPUT,
    detail:
      'An object with `systems`, `host` and `stratus`; those that were not requested are empty or null.',
  },
};
export type StacksOptions = OptionsOf<typeof STACKS_OPTIONS>;

const STACKS = command({
  path: ['stacks'],
  summary: 'list the ephemeral port ranges of operating systems',
  arguments: {
    name: { help: 'a system, `today`, `all`, `host` (this host only) or `stratus`', optional: true },
  },
  options: STACKS_OPTIONS,
  help: `Without a name, lists every system, and the settings of this host, now and after
the next boot. With the name of a system, prints the commands that show and
change its range, and the sources of the information. "stratus" prints the table
of Stratus's guide to choosing ports.`,
  examples: [
    'portreeve stacks',
    'portreeve stacks windows',
    "portreeve stacks host --json | jq '.host.settings[] | select(.differs)'",
  ],
  run: async ({ name }, options, io) => {
    const { stacksCommand } = await import('./stacks.ts');
    return stacksCommand(name, options, io);
  },
});

export const NAMES: readonly Command[] = [STACKS];
