// The command about the ephemeral ranges of operating systems: `portreeve stacks`.
import { type Command, command, type OptionsOf } from '../../kit/command.ts';
import { JSON_OUTPUT } from '../../kit/options.ts';

const STACKS_OPTIONS = {
  json: {
    ...JSON_OUTPUT,
    detail:
      'It has `systems`, `host` and `stratus`, of which those are empty or null that were not asked for.',
  },
};
export type StacksOptions = OptionsOf<typeof STACKS_OPTIONS>;

const STACKS = command({
  path: ['stacks'],
  summary: 'list the ports that operating systems give to clients',
  arguments: {
    name: { help: 'a system, `today`, `all`, `host` for this host only, or `stratus`', optional: true },
  },
  options: STACKS_OPTIONS,
  help: `Without a name every system is listed, and what the kernel of this host does
beside what /etc/sysctl.d says for the next boot. With one it is shown in full:
how its range is seen and changed there, and who says so. "stratus" is the table
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
