// The commands, their options and their help; what a command does is loaded when it is given.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Argument, Command, Option } from 'commander';
import { addGuard } from '../guard/commands/declarations.ts';
import { addEvents } from '../guard/commands/events-declaration.ts';
import { addCommand, collect, reportUsage, type Surroundings } from '../kit/command.ts';
import { endingOf } from '../kit/errors.ts';
import type { Io } from '../kit/io.ts';
import { addRun } from '../lease/commands/run-declaration.ts';
import { addPortmap } from '../portmap/commands/declarations.ts';
import { addProfile } from '../profile/commands/declarations.ts';
import { addInstall } from './install/install-commands.ts';
import { addLook } from './look-commands.ts';

const HELP_COLUMNS = 80;

/** Runs a command line and gives its exit code. */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  let code = 0;
  const end = (result: number) => {
    code = result;
  };
  const program = portreeveProgram({ io, end });
  try {
    await program.parseAsync(argv, { from: 'user' });
    return code;
  } catch (thrown) {
    const ending = endingOf(thrown);
    io.err(ending.text);
    return ending.code;
  }
}

/** Every command, with its options and its help. */
export function portreeveProgram(surroundings: Surroundings): Command {
  const { io } = surroundings;
  const program = new Command('portreeve');
  program
    .description('The port authority of a Linux host.')
    .version(packageVersion())
    // A command that has commands and options itself tells whose an option is by where it stands.
    .enablePositionalOptions()
    .configureOutput({
      writeOut: io.out,
      writeErr: io.err,
      getOutHelpWidth: () => io.columns ?? HELP_COLUMNS,
      getErrHelpWidth: () => io.columns ?? HELP_COLUMNS,
      // Errors are written in one place, with those of every other kind.
      outputError: () => {},
    })
    // The arguments of each are in its own help.
    .configureHelp({ subcommandTerm: (command) => command.name() })
    .addHelpText('after', EXAMPLES);
  reportUsage(program);
  addServe(program, surroundings);
  addStatus(program, surroundings);
  addPortmap(program, surroundings);
  addProfile(program, surroundings);
  addGuard(program, surroundings);
  addEvents(program, surroundings);
  addRun(program, surroundings);
  addLook(program, surroundings);
  addConfig(program, surroundings);
  addInstall(program, surroundings);
  addCompletion(program, surroundings);
  return program;
}

const EXAMPLES = `
Exit codes: 0 yes or done, 1 no, 2 wrong usage, 3 could not tell.

Examples:
  portreeve serve
  portreeve status
  portreeve portmap list
  portreeve portmap ping nfs.example.org mountd
  portreeve profile check profile.tcpip
  portreeve decide WEB 80/tcp`;

function addServe(program: Command, { io, end }: Surroundings): void {
  addCommand(program, 'serve')
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
    .addOption(new Option('--pins <dir>', "the directory of the guard's names in bpffs").hideHelp())
    .addHelpText(
      'after',
      `
Examples:
  portreeve serve                            on loopback, port 111
  portreeve serve --listen 192.0.2.7         on that address, too
  portreeve serve --port 7111 --runtime /tmp/try --local /tmp/try/rpcbind.sock`,
    )
    .action(async (options) => {
      const { serveCommand } = await import('./serve-command.ts');
      end(await serveCommand(options, io));
    });
}

function addStatus(program: Command, { io, end }: Surroundings): void {
  addCommand(program, 'status')
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

function addConfig(program: Command, { io, end }: Surroundings): void {
  const examples = `
Examples:
  portreeve config check /etc/portreeve/portreeve.toml`;
  const config = addCommand(program, 'config')
    .description('look at portreeve.toml')
    .addHelpText('after', examples);
  addCommand(config, 'check')
    .description('say whether a file of settings is valid')
    .argument('<file>', 'a portreeve.toml')
    .addHelpText(
      'after',
      `
Names every mistake: keys that are no settings, with the nearest that is one,
and values that cannot be. Exit code 0 if the file is valid, 2 if not.
${examples}`,
    )
    .action(async (file) => {
      const { configCheckCommand } = await import('./config-check.ts');
      end(configCheckCommand(file, io));
    });
}

function addCompletion(program: Command, { io, end }: Surroundings): void {
  addCommand(program, 'completion')
    .description('print what completes commands and options in a shell')
    .addArgument(new Argument('<shell>', 'the shell').choices(['bash', 'zsh', 'fish']))
    .addHelpText(
      'after',
      `
Examples:
  source <(portreeve completion bash)        in ~/.bashrc
  source <(portreeve completion zsh)         in ~/.zshrc, after compinit
  portreeve completion fish | source         in ~/.config/fish/config.fish`,
    )
    .action(async (shell) => {
      const { completionCommand } = await import('./completion.ts');
      end(completionCommand(shell, program, io));
    });
}

/** package.json lies above src/ and dist/ alike. */
function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8'));
  return version;
}
