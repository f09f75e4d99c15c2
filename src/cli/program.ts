// The commands, their options and their help; what a command does is loaded when it is given.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { endingOf, usageError } from './errors.ts';
import type { Io } from './io.ts';

const HELP_COLUMNS = 80;

/** Runs a command line and gives its exit code. */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  let code = 0;
  const program = makeProgram(io, (result) => {
    code = result;
  });
  try {
    await program.parseAsync(argv, { from: 'user' });
    return code;
  } catch (thrown) {
    const ending = endingOf(thrown);
    io.err(ending.text);
    return ending.code;
  }
}

/** `end` is told the exit code of the command that was run. */
function makeProgram(io: Io, end: (code: number) => void): Command {
  const program = new Command('portreeve');
  program
    .description('The port authority of a Linux host.')
    .version(packageVersion())
    .configureOutput({
      writeOut: io.out,
      writeErr: io.err,
      getOutHelpWidth: () => io.columns ?? HELP_COLUMNS,
      getErrHelpWidth: () => io.columns ?? HELP_COLUMNS,
      // Errors are written in one place, with those of every other kind.
      outputError: () => {},
    })
    .addHelpText('after', EXAMPLES);
  reportUsage(program);
  addServe(program, io, end);
  addStatus(program, io, end);
  const portmap = add(program, 'portmap')
    .description('look at RPC port mappers, on this host and elsewhere')
    .addHelpText('after', PORTMAP_EXAMPLES);
  addPortmapList(portmap, io, end);
  addPortmapPing(portmap, io, end);
  return program;
}

const EXAMPLES = `
Exit codes: 0 yes or done, 1 no, 2 wrong usage, 3 could not tell.

Examples:
  portreeve serve
  portreeve status
  portreeve portmap list
  portreeve portmap ping nfs.example.org mountd`;

const PORTMAP_EXAMPLES = `
Examples:
  portreeve portmap list
  portreeve portmap ping 127.0.0.1 portmapper`;

function addServe(program: Command, io: Io, end: (code: number) => void): void {
  add(program, 'serve')
    .description('run the daemon in the foreground')
    .option(
      '--config <file>',
      'settings (default: portreeve.toml in the configuration directory, if it is there)',
    )
    .option('--state <dir>', 'where to keep what outlives a reboot')
    .option('--runtime <dir>', 'where to keep sockets and registrations')
    .option('--listen <address>', 'an address to answer on besides loopback; may be repeated', collect, [])
    .option('--port <n>', 'the port of the port mapper (default: 111)')
    .option('--local <path>', 'the Unix socket of the port mapper')
    .addOption(new Option('--fallback', 'take another port where 111 cannot be had').hideHelp())
    .addHelpText(
      'after',
      `
Examples:
  portreeve serve                            on loopback, port 111
  portreeve serve --listen 192.0.2.7         on that address, too
  portreeve serve --port 7111 --runtime /tmp/try --local /tmp/try/rpcbind.sock`,
    )
    .action(async (options) => {
      const { serveCommand } = await import('./serve.ts');
      end(await serveCommand(options, io));
    });
}

function addStatus(program: Command, io: Io, end: (code: number) => void): void {
  add(program, 'status')
    .description('show what the running daemon does')
    .option('--runtime <dir>', "the daemon's runtime directory (default: your own, then the system's)")
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Exit code 0 if portmap is running, 1 if it is not, 3 if no daemon answers.

Examples:
  portreeve status
  portreeve status --json | jq .portmap.mappings`,
    )
    .action(async (options) => {
      const { statusCommand } = await import('./status.ts');
      end(await statusCommand(options, io));
    });
}

function addPortmapList(portmap: Command, io: Io, end: (code: number) => void): void {
  add(portmap, 'list')
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
      const { portmapListCommand } = await import('./portmap-list.ts');
      end(await portmapListCommand(host, options, io));
    });
}

function addPortmapPing(portmap: Command, io: Io, end: (code: number) => void): void {
  add(portmap, 'ping')
    .description('ask whether a program answers')
    .argument('<host>', HOST_HELP)
    .argument('<program>', 'its number, or its name as in /etc/rpc')
    .argument('[version]', 'one version (default: every version that it has)')
    .addOption(new Option('--tcp', 'over TCP only').conflicts('udp'))
    .addOption(new Option('--udp', 'over UDP only').conflicts('tcp'))
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
      const { portmapPingCommand } = await import('./portmap-ping.ts');
      end(await portmapPingCommand({ host, program, version }, options, io));
    });
}

const HOST_HELP = 'NAME, ADDRESS, NAME:PORT, [IPv6]:PORT, /PATH or @NAME of a Unix socket';

function timeoutOption(): Option {
  return new Option('--timeout <seconds>', 'how long to wait for each answer (default: 5)');
}

function add(parent: Command, name: string): Command {
  return reportUsage(parent.command(name));
}

function reportUsage(command: Command): Command {
  return command.exitOverride((error) => {
    throw usageError(error, fullName(command));
  });
}

function fullName(command: Command): string {
  return command.parent ? `${fullName(command.parent)} ${command.name()}` : command.name();
}

function collect(value: string, previous: readonly string[]): string[] {
  return [...previous, value];
}

/** package.json lies above src/ and dist/ alike. */
function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8'));
  return version;
}
