// The command `portreeve events`.
import { type Command, Option } from 'commander';
import { addCommand, collect, type Surroundings } from '../../kit/command.ts';

export function addEvents(program: Command, { io, end }: Surroundings): void {
  addCommand(program, 'events')
    .description('list what the guard refused, or would have refused')
    .option('--follow', 'go on with new ones as they come; without --since only with these')
    .option('--since <time>', 'only from then on: 2026-11-20T10:00:00Z, 10m, 2h, 1d, today')
    .option('--job <name>', 'only those of a job')
    .option('--port <port>', 'only those for a port or range: 80, 53/udp, ssh; may be repeated', collect)
    .option('--json', 'print JSON, a line for each')
    .option('--runtime <dir>', "the daemon's runtime directory (default: your own, then the system's)")
    .addOption(
      new Option('--state <dir>', 'read the archive in a state directory, and ask no daemon').conflicts(
        'runtime',
      ),
    )
    .addHelpText(
      'after',
      `
Root and the group portreeve see all of them, everybody else his own. Without a
daemon they are read from its archive.

Examples:
  portreeve events --since today
  portreeve events --follow --port 80/tcp
  portreeve events --since 10m --json | jq -r .rule.file`,
    )
    .action(async (options) => {
      const { eventsCommand } = await import('./events.ts');
      end(await eventsCommand(options, io));
    });
}
