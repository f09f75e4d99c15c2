// The declarations of the commands `portreeve explain`, `doctor` and `demo`.
import { type Command, command, type Options, type OptionsOf } from '../../kit/command.ts';
import { BPXPRM, CONFIG, DIRECTORY, JSON_OUTPUT, REQUESTED_PORTS, STATE } from '../../kit/options.ts';

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

const EXPLAIN = command({
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

const DOCTOR_OPTIONS = {
  failOn: {
    value: 'severity',
    help: 'exit with 1 for a finding of at least this severity: `info`, `warning` or `error`',
    defaultText: 'warning',
  },
  all: {
    help: 'also show the findings that portreeve.toml suppresses',
    detail: 'Each is shown with its reason. Suppressions that match no finding are reported.',
  },
  fix: {
    help: 'show the commands and files that would fix the findings',
    detail: 'Only findings whose fix requires no decision are fixed.',
  },
  yes: {
    help: 'with --fix: apply the fixes',
    detail: 'The previous state is recorded first. The fixes persist across reboots.',
  },
  undo: {
    help: 'undo the changes of --fix --yes',
    detail: 'A file that was changed after the fix is reported and not restored.',
    excludes: ['fix'],
  },
  bpxprm: { ...BPXPRM, detail: '`[doctor] bpxprm` of portreeve.toml(5) sets the default.' },
  root: {
    ...DIRECTORY,
    help: 'examine and fix the files in the tree of another system',
    detail:
      'The sockets and kernel settings are those of this system, and its kernel settings are not changed. Symbolic ' +
      'links are resolved inside the tree, and never lead out of it.',
  },
  state: {
    ...DIRECTORY,
    help: 'the state directory',
    detail: 'It has the applied profile and the record of fixes.',
  },
  config: CONFIG,
  json: {
    ...JSON_OUTPUT,
    detail: 'See JSON OUTPUT.',
  },
} satisfies Options;
export type DoctorOptions = OptionsOf<typeof DOCTOR_OPTIONS>;

const EXAMINE = command({
  path: ['doctor'],
  summary: 'find port problems on this host, and fix them',
  arguments: { code: { help: 'the code of a finding, to explain it', optional: true } },
  options: DOCTOR_OPTIONS,
  help: `Nothing is changed without --yes or --undo. Fixes persist across reboots.

Exit status 0 if there is no error or warning, 1 if there is one, 3 if it could
not tell.`,
  examples: [
    'portreeve doctor',
    'portreeve doctor CLIENT_ON_PORT',
    'portreeve doctor --fix',
    'portreeve doctor --fix --yes',
    `portreeve doctor --json | jq '.findings[] | select(.severity == "error")'`,
  ],
  run: async ({ code }, options, io) => {
    const { doctorCommand } = await import('./doctor.ts');
    return await doctorCommand(code, options, io);
  },
});

const DEMO: Command = {
  path: ['demo'],
  summary: 'demonstrate port problems in a network namespace',
  examples: ['portreeve demo collision'],
};

const COLLISION_OPTIONS = {
  connections: {
    value: 'n',
    help: 'the number of connections while the port is reserved',
    detail: 'It is from 1 to 100000.',
    defaultText: '10000',
  },
} satisfies Options;
export type CollisionOptions = OptionsOf<typeof COLLISION_OPTIONS>;

const COLLISION = command({
  path: ['demo', 'collision'],
  summary: 'demonstrate how a client is assigned the port of a server',
  options: COLLISION_OPTIONS,
  help: `The server then cannot start, although no socket listens on its port.

The demonstration runs in temporary network namespaces and does not change this
host. It requires root or user namespaces.

Exit status 0 if it went as expected, 1 if not, 3 if no network namespace could
be created.`,
  examples: ['portreeve demo collision'],
  run: async (_, options, io) => {
    const { collisionCommand } = await import('./demo/command.ts');
    return await collisionCommand(options, io);
  },
});

export const DOCTOR: readonly Command[] = [EXPLAIN, EXAMINE, DEMO, COLLISION];
