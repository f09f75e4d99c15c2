// `portreeve explain`, apart from its neighbors: the bundle of the quick commands is to hold nothing of them.
import { command, type Options, type OptionsOf } from '../../kit/command.ts';
import { ASKED_PORTS, DIRECTORY, JSON_OUTPUT } from '../../kit/options.ts';

const EXPLAIN_OPTIONS = {
  state: {
    ...DIRECTORY,
    help: 'where the applied profile and the refusals are kept',
    detail: "Without the option that is your own directory if there is anything in it, else the system's.",
  },
  json: {
    ...JSON_OUTPUT,
    detail:
      'It has `explanations` with an object for each port and protocol, and `port` where there is one only. Each has ' +
      '`answer` with `can` (`yes`, `no` or `unsure`), `likely` (`yes` or `no`), `cause`, `why`, `remedies` (what can ' +
      'be done, each with a `text` and perhaps a `command`) and `freeInMs`; `holders` as in portreeve-ports(1); ' +
      '`binds` with the outcome for each address (`free`, `taken` or `unsure`); and the rest under names of its own. ' +
      'What is not known is null.',
  },
} satisfies Options;
export type ExplainOptions = OptionsOf<typeof EXPLAIN_OPTIONS>;

export const EXPLAIN = command({
  path: ['explain'],
  summary: 'say all about one port: who has it, and whether you can',
  arguments: { port: ASKED_PORTS },
  options: EXPLAIN_OPTIONS,
  help: `The first line says whether a server could have the port now, on all addresses,
and if not, why not and what to do. Without a protocol it is asked for both.

Exit code 0 if you can have it, 1 if you cannot, 3 if it depends on what the
kernel does not show. Of several ports the highest.`,
  examples: [
    'portreeve explain 8080',
    'portreeve explain 8000-8010 ssh',
    'portreeve explain 40030/tcp',
    "portreeve explain 631 --json | jq '.explanations[].answer'",
  ],
  run: async ({ port }, options, io) => {
    const { explainCommand } = await import('./explain.ts');
    return await explainCommand(port, options, io);
  },
});
