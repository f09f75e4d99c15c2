// The commands of the profile: `portreeve profile`, `apply`, `obey`, `reservations` and `decide`.
import { type Command, Option } from 'commander';
import { addCommand, collect, type Surroundings } from '../../kit/command.ts';

/** Adds them, in the order in which the help lists them. */
export function addProfile(program: Command, surroundings: Surroundings): void {
  const profile = addCommand(program, 'profile')
    .description('check, format and compare reservation profiles')
    .addHelpText(
      'after',
      `
Examples:
  portreeve profile check profile.tcpip
  portreeve profile history`,
    );
  addCheck(profile, surroundings);
  addFormat(profile, surroundings);
  addDiff(profile, surroundings);
  addHistory(profile, surroundings);
  addApply(program, surroundings);
  addObey(program, surroundings);
  addReservations(program, surroundings);
  addDecide(program, surroundings);
}

function addCheck(profile: Command, { io, end }: Surroundings): void {
  const command = addCommand(profile, 'check')
    .description('say what is wrong with a profile')
    .argument('[file...]', FILE_HELP)
    .option('--json', 'print JSON: the findings, and a summary')
    .addOption(
      new Option('--format <form>', 'text, or github for annotations in its checks')
        .choices(['text', 'github'])
        .conflicts('json'),
    )
    .option('--bpxprm <file>', 'a BPXPRMxx, whose INADDRANY ports the profile has to reserve')
    .addOption(racfOption())
    .option('--verbose', 'also list the statements that are skipped, one by one');
  addReading(command)
    .addHelpText(
      'after',
      `
All that is wrong is told in one run: file, line and column, what was found and
what was expected, with the message of z/OS where one is known.

Exit code 0 if there are no errors (there may be warnings), 1 if there are.

Examples:
  portreeve profile check profile.tcpip
  portreeve profile check *.tcpip --format github
  portreeve profile check profile.tcpip --symbol SYSNAME=PROD1 --zos-names`,
    )
    .action(async (files, options) => {
      const { profileCheckCommand } = await import('./check.ts');
      end(await profileCheckCommand(files, options, io));
    });
}

function addFormat(profile: Command, { io, end }: Surroundings): void {
  const command = addCommand(profile, 'format')
    .description('print a profile in its canonical form')
    .argument('[file]', FILE_HELP)
    .addOption(new Option('--write', 'rewrite the file instead of printing it').conflicts('check'))
    .option('--check', 'only say by the exit code whether it is in that form');
  addReading(command)
    .addHelpText(
      'after',
      `
Comments stay, and it means the same. Included files are not touched. A profile
with errors is not formatted.

Exit code 1 if there are errors, or if --check finds another form.

Examples:
  portreeve profile format profile.tcpip
  portreeve profile format profile.tcpip --write
  portreeve profile format profile.tcpip --check`,
    )
    .action(async (file, options) => {
      const { profileFormatCommand } = await import('./format.ts');
      end(await profileFormatCommand(file, options, io));
    });
}

function addDiff(profile: Command, { io, end }: Surroundings): void {
  const command = addCommand(profile, 'diff')
    .description('say which reservations and settings two profiles differ in')
    .argument('<file>', 'a profile')
    .argument('[other]', 'the profile that it is compared with')
    .option('--live', 'also list the open sockets that the second one would refuse, or have restarted')
    .option('--json', 'print JSON, an object for each difference')
    .addOption(keepGoingOption())
    .addOption(racfOption())
    .option('--state <dir>', LOOK_STATE_HELP)
    .addOption(new Option('--pins <dir>', "the directory of the guard's names in bpffs").hideHelp());
  addReading(command)
    .addHelpText(
      'after',
      `
Lines, comments and order do not matter, as far as they mean nothing.
With --live and one file, that is compared with what is in force.

Exit code 0 if both mean the same, 1 if not, 3 if one has errors.

Examples:
  portreeve profile diff old.tcpip new.tcpip
  portreeve profile diff --live new.tcpip
  portreeve profile diff old.tcpip new.tcpip --json`,
    )
    .action(async (file, other, options) => {
      const { profileDiffCommand } = await import('./diff.ts');
      end(await profileDiffCommand(file, other, options, io));
    });
}

function addHistory(profile: Command, { io, end }: Surroundings): void {
  addCommand(profile, 'history')
    .description('list what was applied, when and by whom, or show its text')
    .argument('[revision]', 'the revision whose text is shown')
    .option('--json', 'print JSON')
    .option('--state <dir>', LOOK_STATE_HELP)
    .addHelpText(
      'after',
      `
Examples:
  portreeve profile history
  portreeve profile history 3 > profile.tcpip`,
    )
    .action(async (revision, options) => {
      const { profileHistoryCommand } = await import('./history.ts');
      end(profileHistoryCommand(revision, options, io));
    });
}

function addApply(program: Command, { io, end }: Surroundings): void {
  const command = addCommand(program, 'apply')
    .description('make a profile the one in force')
    .argument('[file]', FILE_HELP)
    .addOption(
      new Option('--revision <n>', 'bring back what was in force after a revision').conflicts([
        'keepGoing',
        'racf',
        'zosNames',
      ]),
    );
  command.option(
    '--try <time>',
    'go back after that time (60s, 5m, 1d at most), unless portreeve confirm comes',
  );
  addChangeOptions(command)
    .addHelpText(
      'after',
      `
Shows what changes, and records the profile with its text. A profile with errors
is refused: then nothing changes.

The kernel goes by it at once where the guard is on (portreeve guard).

Examples:
  portreeve apply profile.tcpip --dry-run
  portreeve apply profile.tcpip
  portreeve apply --revision 3`,
    )
    .action(async (file, options) => {
      const { applyCommand } = await import('../../guard/commands/apply.ts');
      end(await applyCommand(file, options, io));
    });
}

function addObey(program: Command, { io, end }: Surroundings): void {
  const command = addCommand(program, 'obey')
    .description('add statements to the profile in force, or delete some of it')
    .argument('<file>', 'statements, as for VARY TCPIP,,OBEYFILE');
  addChangeOptions(command)
    .addHelpText(
      'after',
      `
Carries out the statements of the file, DELETE PORT and DELETE PORTRANGE among
them, on what is in force. A file with errors is refused: then nothing changes.

The kernel goes by it at once where the guard is on (portreeve guard).

Examples:
  portreeve obey change.obey --dry-run
  portreeve obey change.obey`,
    )
    .action(async (file, options) => {
      const { obeyCommand } = await import('../../guard/commands/apply.ts');
      end(await obeyCommand(file, options, io));
    });
}

function addReservations(program: Command, { io, end }: Surroundings): void {
  const command = addCommand(program, 'reservations')
    .description('list the ports that are reserved, for whom, and by which statement')
    .option('--profile <file>', 'of that profile instead of what is in force')
    .option('--json', 'print JSON, with the option names of SMF 119')
    .addOption(new Option('--zos', 'print it in the shape of NETSTAT PORTLIST').conflicts('json'))
    .addOption(keepGoingOption())
    .option('--state <dir>', LOOK_STATE_HELP);
  addReading(command)
    .addHelpText(
      'after',
      `
Examples:
  portreeve reservations
  portreeve reservations --profile profile.tcpip --zos
  portreeve reservations --json | jq '.ports[] | select(.rsvOptions.SAF)'`,
    )
    .action(async (options) => {
      const { reservationsCommand } = await import('./reservations.ts');
      end(await reservationsCommand(options, io));
    });
}

function addDecide(program: Command, { io, end }: Surroundings): void {
  const command = addCommand(program, 'decide')
    .description('say whether a job may have a port, and which statement says so')
    .argument('<job>', 'the job name')
    .argument('<port...>', 'ports and ranges with their protocol: 80/tcp, domain/udp')
    .option('--user <user>', 'the user it runs as, a name or uid (default: you)')
    .option('--address <address>', 'the address that it binds (default: 0.0.0.0)')
    .option('--listen', 'ask about listen(2) instead of bind(2)')
    .addOption(
      new Option('--low-ports <answer>', 'whether Linux lets it have ports below 1024').choices([
        'yes',
        'no',
      ]),
    )
    .option('--profile <file>', 'by that profile instead of what is in force')
    .addOption(racfOption())
    .option('--json', 'print JSON')
    .addOption(keepGoingOption())
    .option('--state <dir>', LOOK_STATE_HELP);
  addReading(command)
    .addHelpText(
      'after',
      `
Without --low-ports, root may have ports below 1024 and others may not.

Exit code 0 if it may have each of them, 1 if not, 3 if it cannot be told.

Examples:
  portreeve decide WEB 80/tcp 8000-8010/tcp
  portreeve decide TESTSYS 4000/tcp --user daemon --profile profile.tcpip`,
    )
    .action(async (job, ports, options) => {
      const { decideCommand } = await import('./decide.ts');
      end(await decideCommand(job, ports, options, io));
    });
}

const FILE_HELP = 'a profile (default: [profile] file of portreeve.toml)';
const LOOK_STATE_HELP = "the state directory (default: your own, then the system's)";

/** How a profile is read. */
function addReading(command: Command): Command {
  return command
    .option('--symbol <value>', 'a system symbol, NAME=VALUE; may be repeated', collect, [])
    .option('--zos-names', 'hold job names to the 8 characters of z/OS')
    .option('--config <file>', 'settings (default: portreeve.toml in the configuration directory)');
}

/** What changes the profile in force. */
function addChangeOptions(command: Command): Command {
  command
    .option('--dry-run', 'show what would change, and change nothing (SYNTAXCHECK)')
    .option('--exact', 'refuse a profile that the kernel cannot obey exactly')
    .addOption(keepGoingOption())
    .addOption(racfOption())
    .option('--verbose', 'also list the statements that are skipped, one by one')
    .option('--state <dir>', 'the state directory (default: your own)')
    .addOption(new Option('--pins <dir>', "the directory of the guard's names in bpffs").hideHelp());
  return addReading(command);
}

function keepGoingOption(): Option {
  return new Option('--keep-going', 'ignore what z/OS ignores in a profile with errors');
}

function racfOption(): Option {
  return new Option('--racf <file>', 'RACF commands: who may use the ports behind SAF');
}
