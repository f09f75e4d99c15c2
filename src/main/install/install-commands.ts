// The commands that put portreeve under systemd: `portreeve install` and `uninstall`.
import type { Command } from 'commander';
import { addCommand, type Surroundings } from '../../kit/command.ts';

/** Adds them, in the order in which the help lists them. */
export function addInstall(program: Command, { io, end }: Surroundings): void {
  addCommand(program, 'install')
    .description('have systemd start the guard and the daemon')
    .option('--dry-run', 'show every file and command, and do nothing')
    .option('--root <dir>', 'write into the tree of another system; no command is run')
    .option('--force', 'replace files that are not from portreeve')
    .option('--allow-path', 'run the program as root although others can change its files')
    .addHelpText(
      'after',
      `
The guard comes into force before any service binds a port; the daemon takes the
place of rpcbind. What is there already stays as it is.

A program that others than root can change is refused.

Exit code 0 if all is in place, 1 if files of others are in the way, or if they
can change the program.

Examples:
  portreeve install --dry-run
  portreeve install
  portreeve install --root /mnt/image`,
    )
    .action(async (options) => {
      const { installCommand } = await import('./install-command.ts');
      end(installCommand(options, io));
    });
  addCommand(program, 'uninstall')
    .description('take back what install has done')
    .option('--dry-run', 'show what would be removed, and do nothing')
    .option('--root <dir>', 'remove from the tree of another system; no command is run')
    .option('--purge', 'remove the state directory, too')
    .addHelpText(
      'after',
      `
Stops the daemon, takes the guard out of the kernel, and removes the units. What
is left is named.

Examples:
  portreeve uninstall --dry-run
  portreeve uninstall --purge`,
    )
    .action(async (options) => {
      const { uninstallCommand } = await import('./install-command.ts');
      end(uninstallCommand(options, io));
    });
}
