// The commands of the guard's network namespaces: `portreeve guard namespaces`.
import type { Command } from 'commander';
import { addCommand, type Surroundings } from '../../kit/command.ts';

/** Adds them below `guard`; `addPlace` adds the option that all commands of the guard have. */
export function addNamespaces(
  guard: Command,
  { io, end }: Surroundings,
  addPlace: (command: Command) => Command,
): void {
  const namespaces = addCommand(guard, 'namespaces')
    .description('show the network namespaces in which the profile holds')
    .enablePositionalOptions();
  addPlace(namespaces)
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
The first one is that in which the guard was started. portreeve.toml names
others, [guard] namespaces, and so does "add".

Exit code 0, 1 if the guard is not in the kernel, 3 if it cannot be told.

Examples:
  portreeve guard namespaces
  portreeve guard namespaces add web
  portreeve guard namespaces remove web`,
    )
    .action(async (options) => {
      const { namespacesCommand } = await import('./namespaces.ts');
      end(namespacesCommand(options, io));
    });
  addPlace(addCommand(namespaces, 'add').description('have the profile hold in one more'))
    .argument('<namespace>', NAMESPACE_HELP)
    .option('--state <dir>', STATE_HELP)
    .addHelpText(
      'after',
      `
Examples:
  portreeve guard namespaces add web
  portreeve guard namespaces add pid:812`,
    )
    .action(async (text, options) => {
      const { addNamespaceCommand } = await import('./namespaces.ts');
      end(addNamespaceCommand(text, options, io));
    });
  addPlace(addCommand(namespaces, 'remove').description('leave one alone'))
    .argument('<namespace>', `${NAMESPACE_HELP}, or cookie:NUMBER`)
    .option('--state <dir>', STATE_HELP)
    .addHelpText(
      'after',
      `
Exit code 0 if the profile held there, 1 if not.

Examples:
  portreeve guard namespaces remove web
  portreeve guard namespaces remove cookie:4711`,
    )
    .action(async (text, options) => {
      const { removeNamespaceCommand } = await import('./namespaces.ts');
      end(removeNamespaceCommand(text, options, io));
    });
}

const STATE_HELP = 'where the record of applied profiles is';
const NAMESPACE_HELP = 'a name of "ip netns", the path of a namespace, or pid:NUMBER';
