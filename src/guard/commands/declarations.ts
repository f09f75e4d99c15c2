// The commands of the guard: `portreeve guard` and `confirm`.
import { type Command, Option } from 'commander';
import { addCommand, type Surroundings } from '../../kit/command.ts';
import { addNamespaces } from './namespaces-declarations.ts';

/** Adds them, in the order in which the help lists them. */
export function addGuard(program: Command, surroundings: Surroundings): void {
  const { io, end } = surroundings;
  // Its commands have options of the same names, which are theirs.
  const guard = addCommand(program, 'guard')
    .description('have the kernel obey the profile')
    .enablePositionalOptions();
  addPlace(guard)
    .option('--json', 'print JSON')
    .option('--restarts', 'list who holds a port against the rules, or under rules that have changed')
    .option('--state <dir>', STATE_HELP)
    .option('--config <file>', 'settings')
    .option('--runtime <dir>', 'ask the daemon with this runtime directory, and not the kernel')
    .addHelpText(
      'after',
      `
Without a command it shows what the kernel goes by: which revision, since when,
how many binds the profile allowed and how many it did not, enforced or only
observed, and what this kernel cannot do exactly of it. Root looks into the
kernel; the daemon tells everybody else. Where the guard is off it shows what
the kernel lacks for one.

Exit code 0 if the profile is enforced, 1 if it is not, 3 if it cannot be told.
With --restarts 0 if nobody is listed, 1 if somebody is or the guard is off.

Examples:
  portreeve guard
  portreeve guard --restarts
  portreeve guard observe
  portreeve guard enforce
  portreeve guard off`,
    )
    .action(async (options) => {
      if (options.restarts) {
        const { guardRestartsCommand } = await import('./restarts.ts');
        end(await guardRestartsCommand(options, io));
        return;
      }
      const { guardCommand } = await import('./guard.ts');
      end(await guardCommand(options, io));
    });
  addMode(guard, surroundings, 'enforce', 'refuse what the profile in force does not allow');
  addMode(guard, surroundings, 'observe', 'allow all, and record what would have been refused');
  addPlace(addCommand(guard, 'off').description('take the guard out of the kernel'))
    .option('--state <dir>', STATE_HELP)
    .addHelpText(
      'after',
      `
Programs, maps and their names are gone afterwards. The profile stays recorded.

Examples:
  portreeve guard off`,
    )
    .action(async (options) => {
      const { guardOffCommand } = await import('./guard.ts');
      end(await guardOffCommand(options, io));
    });
  addNamespaces(guard, surroundings, addPlace);
  addConfirm(program, surroundings);
}

const STATE_HELP = 'where the record of applied profiles is';

function addMode(
  guard: Command,
  { io, end }: Surroundings,
  mode: 'enforce' | 'observe',
  description: string,
): void {
  const command = addPlace(addCommand(guard, mode).description(description));
  if (mode === 'enforce') command.option('--exact', 'refuse a profile that the kernel cannot obey exactly');
  command
    .option('--cgroup <path>', 'judge only binds in this cgroup and below (default: all of the host)')
    .option('--state <dir>', STATE_HELP)
    .option('--config <file>', 'settings')
    .option('--verbose', "print the whole of the verifier's log where the kernel refuses a program")
    .addHelpText(
      'after',
      `
The kernel goes on by itself: no process of portreeve has to run. What it cannot
do exactly of the profile is told.

Examples:
  portreeve guard ${mode}`,
    )
    .action(async (options) => {
      const { guardModeCommand } = await import('./guard.ts');
      const { withVerifierLog } = await import('./verifier-log.ts');
      end(await withVerifierLog(options.verbose, io, () => guardModeCommand(mode, options, io)));
    });
}

function addConfirm(program: Command, { io, end }: Surroundings): void {
  addPlace(addCommand(program, 'confirm').description('keep a profile that is on trial'))
    .option('--state <dir>', STATE_HELP)
    .addHelpText(
      'after',
      `
A profile that was applied with --try goes away by itself unless this comes
first.

Exit code 0 if it stays, 1 if nothing is on trial.

Examples:
  portreeve apply profile.tcpip --try 60s && portreeve confirm`,
    )
    .action(async (options) => {
      const { confirmCommand } = await import('./guard.ts');
      end(await confirmCommand(options, io));
    });
}

/** Where the guard is: for tests, and for several guards of parts of a host. */
function addPlace(command: Command): Command {
  return command.addOption(new Option('--pins <dir>', 'the directory of its names in bpffs').hideHelp());
}
