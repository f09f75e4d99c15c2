// The command `run`, as it is declared.

import { type Command, Option } from 'commander';
import { addCommand, type Surroundings } from '../../kit/command.ts';

/** Adds it. */
export function addRun(program: Command, { end }: Surroundings): void {
  addCommand(program, 'run')
    .description('run a command as a job')
    .usage('[options] -- <command> [argument...]')
    .argument('[command...]', 'the command and its arguments, behind "--"')
    .requiredOption('--job <name>', 'the job that it is judged as when it binds a port')
    .option('--runtime <dir>', "the daemon's runtime directory")
    // The shell that has called us, and that becomes the command.
    .addOption(new Option('--shell <pid>').hideHelp())
    .addHelpText(
      'after',
      `
The command runs as you, in your terminal, in the process that portreeve was
called as, and what it starts is the same job. Who may take which job is said in
portreeve.toml: [job.NAME] users and groups; root may take all.

Exit code 125 if portreeve failed, 126 if the command cannot be executed, 127 if
it is not found, otherwise that of the command.

Examples:
  portreeve run --job WEB -- python3 -m http.server 8080
  sudo portreeve run --job NGINX -- nginx -g 'daemon off;'`,
    )
    .action(async (words: readonly string[], options, command: Command) => {
      const { runCommand } = await import('./run.ts');
      end(await runCommand(words, command.parent?.args ?? [], options));
    });
}
