// The commands that look at the ports of this host: each is declared here and loaded when it is given.
import { type Command, Option } from 'commander';
import { addCommand, type Surroundings } from '../kit/command.ts';
import { EXPLAIN, PORTS, type QuickCommand, type TypedOptions, WHO } from './quick-commands.ts';

/** `portreeve ports`, `who`, `explain`, `stacks`, `suggest`, `doctor` and `demo`. */
export function addLook(program: Command, surroundings: Surroundings): void {
  for (const command of [PORTS, WHO, EXPLAIN]) addQuick(program, surroundings, command);
  addStacks(program, surroundings);
  addSuggest(program, surroundings);
  addDoctor(program, surroundings);
  addDemo(program, surroundings);
}

function addQuick(program: Command, { io, end }: Surroundings, quick: QuickCommand): void {
  const command = addCommand(program, quick.name)
    .description(quick.description)
    .argument(quick.argument, quick.argumentHelp)
    .addHelpText('after', quick.help);
  for (const [flags, help] of quick.options) command.option(flags, help);
  command.action(async (words: readonly string[], options: TypedOptions) => {
    end(await quick.run(words, options, io));
  });
}

function addStacks(program: Command, { io, end }: Surroundings): void {
  addCommand(program, 'stacks')
    .description('list the ports that operating systems give to clients')
    .argument('[name]', 'a system, `today`, `all`, `host` for this host only, or `stratus`')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Without a name every system is listed, and what the kernel of this host does
beside what /etc/sysctl.d says for the next boot. With one it is shown in full:
how its range is seen and changed there, and who says so. "stratus" is the table
of Stratus's guide to choosing ports.

Examples:
  portreeve stacks
  portreeve stacks windows
  portreeve stacks host --json | jq '.host.settings[] | select(.differs)'`,
    )
    .action(async (name, options) => {
      const { stacksCommand } = await import('../names/commands/stacks.ts');
      end(stacksCommand(name, options, io));
    });
}

function addDoctor(program: Command, { io, end }: Surroundings): void {
  addCommand(program, 'doctor')
    .description('say what is wrong with the ports of this host, or will go wrong')
    .argument('[code]', 'a code: say what it means')
    .option('--fail-on <severity>', 'exit with 1 from `info`, `warning` or `error` on (default: warning)')
    .option('--all', 'show what is suppressed in portreeve.toml, too')
    .option('--fix', 'show the commands and files that mend what can be mended')
    .option('--yes', 'with --fix: do it')
    .addOption(new Option('--undo', 'take back what --fix --yes has done').conflicts('fix'))
    .option('--bpxprm <file>', 'a BPXPRMxx, whose INADDRANY ports the profile has to reserve')
    .option('--root <dir>', "the files of another system's tree; its kernel is left alone")
    .option('--state <dir>', 'where the applied profile is, and the record of what was mended')
    .option('--config <file>', 'settings')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Nothing is changed without --yes or --undo. What is mended stays so after a
reboot.

Exit code 0 if nothing from a warning on was found, 1 if something was, 3 if it
cannot be told.

Examples:
  portreeve doctor
  portreeve doctor CLIENT_ON_PORT
  portreeve doctor --fix
  portreeve doctor --fix --yes
  portreeve doctor --json | jq '.findings[] | select(.severity == "error")'`,
    )
    .action(async (code, options) => {
      const { doctorCommand } = await import('../doctor/commands/doctor.ts');
      end(await doctorCommand(code, options, io));
    });
}

function addDemo(program: Command, { io, end }: Surroundings): void {
  const examples = `
Examples:
  portreeve demo collision`;
  const demo = addCommand(program, 'demo')
    .description('show what goes wrong, in a network of its own')
    .addHelpText('after', examples);
  addCommand(demo, 'collision')
    .description('a client has the port of a server, and nothing shows it')
    .option('--connections <n>', 'connections that are made while the port is reserved (default: 10000)')
    .addHelpText(
      'after',
      `
It takes place in network namespaces that are made for it and are gone when it
ends: nothing of this host is changed. It needs root, or user namespaces.

Exit code 0 if all came as it should, 1 if not, 3 if no namespace can be made.
${examples}`,
    )
    .action(async (options) => {
      const { collisionCommand } = await import('../doctor/commands/demo/command.ts');
      end(await collisionCommand(options, io));
    });
}

function addSuggest(program: Command, { io, end }: Surroundings): void {
  addCommand(program, 'suggest')
    .description('choose ports for a server that nobody else gets')
    .argument('[n]', 'how many ports, or blocks (default: 1)')
    .option('--block <size>', 'blocks of so many ports that follow each other')
    .option(
      '--stacks <list>',
      'the systems whose clients must not get them, "-" before one to leave it out',
      'today',
    )
    .option('--near <port>', 'the nearest to this one, 8000 or http-alt')
    .option('--name <name>', 'what they are for: the same name has the same ports again')
    .addOption(
      new Option('--protocol <which>', 'what they are to be free for')
        .choices(['tcp', 'udp', 'both'])
        .default('both'),
    )
    .option('--reserve <job>', 'print the statement that reserves them for a job, and nothing else')
    .option('--config <file>', 'settings')
    .option('--state <dir>', 'where the record of applied profiles is')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
A port is chosen that no client is given, here and on the systems of the list,
that nobody is assigned, that is in no pool of a known program, held by no
socket, reserved by nothing and refused by no browser. "today" is the systems
that one meets now, "all" every one that is known: portreeve stacks lists them.

Exit code 0 if there are as many as were asked for, 1 if not.

Examples:
  portreeve suggest
  portreeve suggest --name orders --reserve ORDERS >> profile.tcpip
  portreeve suggest 2 --block 10 --near 8000
  portreeve suggest --stacks all,-irix,-zos,-openbsd,-vos-stcp-old`,
    )
    .action(async (count, options) => {
      const { suggestCommand } = await import('../lease/commands/suggest.ts');
      end(await suggestCommand(count, options, io));
    });
}
