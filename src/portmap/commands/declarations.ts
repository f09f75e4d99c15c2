// The commands of `portreeve portmap`.
import { Argument, type Command, Option } from 'commander';
import { NETIDS } from '../../base/netid.ts';
import { addCommand, collect, type Surroundings } from '../../kit/command.ts';

export function addPortmap(program: Command, surroundings: Surroundings): void {
  const portmap = addCommand(program, 'portmap')
    .description('look at RPC port mappers, here and elsewhere, and register programs')
    .addHelpText(
      'after',
      `
Examples:
  portreeve portmap list
  portreeve portmap ping 127.0.0.1 portmapper`,
    );
  addList(portmap, surroundings);
  addFind(portmap, surroundings);
  addPing(portmap, surroundings);
  addStats(portmap, surroundings);
  addSet(portmap, surroundings);
  addUnset(portmap, surroundings);
  addTakeOver(portmap, surroundings);
}

function addList(portmap: Command, { io, end }: Surroundings): void {
  addCommand(portmap, 'list')
    .description('list what is registered')
    .argument('[host]', HOST_HELP)
    .option('--json', 'print JSON, an object for each mapping')
    .addOption(timeoutOption())
    .addHelpText(
      'after',
      `
Without a host: the mappings of the running daemon, else those behind
/run/rpcbind.sock, else those of 127.0.0.1, port 111.

Examples:
  portreeve portmap list
  portreeve portmap list nfs.example.org
  portreeve portmap list [2001:db8::7]:7111
  portreeve portmap list /run/rpcbind.sock --json`,
    )
    .action(async (host, options) => {
      const { portmapListCommand } = await import('./list.ts');
      end(await portmapListCommand(host, options, io));
    });
}

function addFind(portmap: Command, { io, end }: Surroundings): void {
  addCommand(portmap, 'find')
    .description('find which of many hosts run a program')
    .argument('<program>', PROGRAM_HELP)
    .argument('<host...>', HOST_HELP)
    .addOption(tcpOption())
    .addOption(udpOption())
    .option('--json', 'print JSON, an object for each host')
    .addOption(timeoutOption())
    .addHelpText(
      'after',
      `
Asks the port mappers of all hosts at once. The program itself is not called:
ping does that.

Exit code 0 if at least one has it, 1 if none has, 3 if none answered.

Examples:
  portreeve portmap find mountd nfs1.example.org nfs2.example.org
  portreeve portmap find 100003 192.0.2.7 [2001:db8::7]:7111 --udp --timeout 2`,
    )
    .action(async (program, hosts, options) => {
      const { portmapFindCommand } = await import('./find.ts');
      end(await portmapFindCommand(program, hosts, options, io));
    });
}

function addPing(portmap: Command, { io, end }: Surroundings): void {
  addCommand(portmap, 'ping')
    .description('ask whether a program answers')
    .argument('<host>', HOST_HELP)
    .argument('<program>', PROGRAM_HELP)
    .argument('[version]', 'one version (default: every version that it has)')
    .addOption(tcpOption())
    .addOption(udpOption())
    .option('--json', 'print JSON, an object for each version')
    .addOption(timeoutOption())
    .addHelpText(
      'after',
      `
Asks the port mapper of the host where the program is, over TCP and, where it is
not registered for that, over UDP. Then calls the program's procedure 0, which
does nothing but answer.

Exit code 0 if it is ready, 1 if it is not, 3 if no port mapper answers.

Examples:
  portreeve portmap ping 127.0.0.1 portmapper
  portreeve portmap ping nfs.example.org nfs 3 --tcp
  portreeve portmap ping nfs.example.org 100005 --udp --timeout 2`,
    )
    .action(async (host, program, version, options) => {
      const { portmapPingCommand } = await import('./ping.ts');
      end(await portmapPingCommand({ host, program, version }, options, io));
    });
}

function addStats(portmap: Command, { io, end }: Surroundings): void {
  addCommand(portmap, 'stats')
    .description('show what a port mapper has been asked')
    .argument('[host]', HOST_HELP)
    .option('--json', 'print JSON, an object for each version of the protocol')
    .addOption(timeoutOption())
    .addHelpText(
      'after',
      `
The calls of each procedure, of SET and UNSET those that changed something, the
programs that were looked up, and the calls that were forwarded.

Examples:
  portreeve portmap stats
  portreeve portmap stats nfs.example.org --json`,
    )
    .action(async (host, options) => {
      const { portmapStatsCommand } = await import('./stats.ts');
      end(await portmapStatsCommand(host, options, io));
    });
}

const CHANGE_HELP = `
Asks over the Unix socket of the running daemon, else over /run/rpcbind.sock:
the port mapper learns from the kernel who you are. Exit code 1 if it refuses.
`;

function addSet(portmap: Command, { io, end }: Surroundings): void {
  addChange(portmap, 'set')
    .description('register an address of a program')
    .argument('<program>', PROGRAM_HELP)
    .argument('<version>', 'its version')
    .addArgument(new Argument('<netid>', 'its transport').choices(NETIDS))
    .argument(
      '<address>',
      'PORT, ADDRESS:PORT, [IPv6]:PORT, a universal address, or the path of a Unix socket',
    )
    .addHelpText(
      'after',
      `${CHANGE_HELP}
A port alone stands for every address of the host.

Examples:
  portreeve portmap set 536870913 1 tcp 7001
  portreeve portmap set 536870913 1 udp 192.0.2.7:7001 --dry-run
  portreeve portmap set 536870913 1 local /run/service.sock`,
    )
    .action(async (program, version, netid, address, options) => {
      const { portmapSetCommand } = await import('./change.ts');
      end(await portmapSetCommand({ program, version, netid, address }, options, io));
    });
}

function addUnset(portmap: Command, { io, end }: Surroundings): void {
  addChange(portmap, 'unset')
    .description('take back what is registered')
    .argument('<program>', PROGRAM_HELP)
    .argument('<version>', 'its version')
    .addArgument(new Argument('[netid]', 'its transport (default: all of them)').choices(NETIDS))
    .addHelpText(
      'after',
      `${CHANGE_HELP}
Examples:
  portreeve portmap unset 536870913 1
  portreeve portmap unset 536870913 1 tcp --dry-run`,
    )
    .action(async (program, version, netid, options) => {
      const { portmapUnsetCommand } = await import('./change.ts');
      end(await portmapUnsetCommand({ program, version, netid }, options, io));
    });
}

function addTakeOver(portmap: Command, { io, end }: Surroundings): void {
  addCommand(portmap, 'take-over')
    .description('take the place of a running rpcbind, with its registrations')
    .option('--dry-run', 'say what would be done, and do nothing')
    .option('--listen <address>', 'an address to answer on besides loopback; may be repeated', collect, [])
    .option('--config <file>', 'settings, as for portreeve serve')
    .addOption(new Option('--pins <dir>', "the directory of the guard's names in bpffs").hideHelp())
    .addHelpText(
      'after',
      `
Reads what rpcbind has registered, stops it, and serves in its place in the
foreground, as portreeve serve does. No RPC server has to be started again. It
listens where rpcbind did, unless --listen or the settings name addresses, and
writes that into the settings for later starts.

Examples:
  portreeve portmap take-over --dry-run
  portreeve portmap take-over
  portreeve portmap take-over --listen 192.0.2.7`,
    )
    .action(async (options) => {
      const { serveCommand } = await import('../../main/serve-command.ts');
      end(await serveCommand({ ...options, takeOver: true }, io));
    });
}

function addChange(portmap: Command, name: string): Command {
  return addCommand(portmap, name)
    .option('--socket <path>', 'the Unix socket of the port mapper, /PATH or @NAME')
    .option('--dry-run', 'show what would be sent, and send nothing')
    .addOption(timeoutOption());
}

const HOST_HELP = 'NAME, ADDRESS, NAME:PORT, [IPv6]:PORT, /PATH or @NAME of a Unix socket';
const PROGRAM_HELP = 'its number, or its name as in /etc/rpc';

function timeoutOption(): Option {
  return new Option('--timeout <time>', 'how long to wait for each answer: 500ms, 2s, 1m (default: 5s)');
}

function tcpOption(): Option {
  return new Option('--tcp', 'over TCP only').conflicts('udp');
}

function udpOption(): Option {
  return new Option('--udp', 'over UDP only').conflicts('tcp');
}
