// The declaration of `portreeve explain`. It has its own file because the bundle of the quick commands must not contain
// the other commands of the doctor.
import { command, type Options, type OptionsOf } from '../../kit/command.ts';
import { JSON_OUTPUT, REQUESTED_PORTS, STATE } from '../../kit/options.ts';

const EXPLAIN_OPTIONS = {
  state: {
    ...STATE,
    detail: `It has the applied profile and the refusals. ${STATE.detail}`,
  },
  json: {
    ...JSON_OUTPUT,
    detail:
      'The output has `explanations`, an array with an object for each port and protocol, and `port` if only one ' +
      'port was given. See JSON OUTPUT.',
  },
} satisfies Options;
export type ExplainOptions = OptionsOf<typeof EXPLAIN_OPTIONS>;

export const EXPLAIN = command({
  path: ['explain'],
  summary: 'explain a port: who holds it, and whether you can bind it',
  arguments: { port: REQUESTED_PORTS },
  options: EXPLAIN_OPTIONS,
  help: `The first line states whether a server could bind the port now on all
addresses. If not, it states the reason, and remedies follow. Without a
protocol, both TCP and UDP are explained.

Exit status 0 if you can bind the port, 1 if you cannot, 3 if that depends on
what the kernel does not show. For several ports, the highest of these.`,
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
