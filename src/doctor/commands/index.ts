// The commands that explain a port and what is wrong: `portreeve explain`, `doctor` and `demo`.
import { type Command, command, type Options, type OptionsOf } from '../../kit/command.ts';
import { BPXPRM, CONFIG, DIRECTORY, JSON_OUTPUT } from '../../kit/options.ts';
import { EXPLAIN } from './explain-command.ts';

const DOCTOR_OPTIONS = {
  failOn: {
    value: 'severity',
    help: 'exit with 1 from `info`, `warning` or `error` on',
    defaultText: 'warning',
  },
  all: {
    help: 'show what is suppressed in portreeve.toml, too',
    detail: 'It is shown with the reason, and so is which suppressions suppress nothing.',
  },
  fix: {
    help: 'show the commands and files that mend what can be mended',
    detail: 'That is what can be mended without asking anybody.',
  },
  yes: {
    help: 'with --fix: do it',
    detail: 'What was there is recorded first. What is mended stays so after a reboot.',
  },
  undo: {
    help: 'take back what --fix --yes has done',
    detail: 'What others have changed since stays, and files are told of that.',
    excludes: ['fix'],
  },
  bpxprm: { ...BPXPRM, detail: '`[doctor] bpxprm` of portreeve.toml(5) names it once and for all.' },
  root: {
    ...DIRECTORY,
    help: "the files of another system's tree; its kernel is left alone",
    detail:
      'The sockets and settings are those of this system. Files are changed in the tree. Links lead where they would ' +
      'there, and never out of the tree.',
  },
  state: {
    ...DIRECTORY,
    help: 'where the applied profile is, and the record of what was mended',
  },
  config: CONFIG,
  json: {
    ...JSON_OUTPUT,
    detail:
      'Each of `findings` has its `code`, `severity`, `title`, `seen`, `why`, `ports`, `protocol` and `advice`; ' +
      '`fix` has the `commands` and `files` that mend it, and is null where it takes a hand.',
  },
} satisfies Options;
export type DoctorOptions = OptionsOf<typeof DOCTOR_OPTIONS>;

const EXAMINE = command({
  path: ['doctor'],
  summary: 'say what is wrong with the ports of this host, or will go wrong',
  arguments: { code: { help: 'a code: say what it means', optional: true } },
  options: DOCTOR_OPTIONS,
  help: `Nothing is changed without --yes or --undo. What is mended stays so after a
reboot.

Exit code 0 if nothing from a warning on was found, 1 if something was, 3 if it
cannot be told.`,
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
  summary: 'show what goes wrong, in a network of its own',
  examples: ['portreeve demo collision'],
};

const COLLISION_OPTIONS = {
  connections: {
    value: 'n',
    help: 'connections that are made while the port is reserved',
    detail: 'They can be 1 to 100,000.',
    defaultText: '10000',
  },
} satisfies Options;
export type CollisionOptions = OptionsOf<typeof COLLISION_OPTIONS>;

const COLLISION = command({
  path: ['demo', 'collision'],
  summary: 'a client has the port of a server, and nothing shows it',
  options: COLLISION_OPTIONS,
  help: `It takes place in network namespaces that are made for it and are gone when it
ends: nothing of this host is changed. It needs root, or user namespaces.

Exit code 0 if all came as it should, 1 if not, 3 if no namespace can be made.`,
  examples: ['portreeve demo collision'],
  run: async (_, options, io) => {
    const { collisionCommand } = await import('./demo/command.ts');
    return await collisionCommand(options, io);
  },
});

export const DOCTOR: readonly Command[] = [EXPLAIN, EXAMINE, DEMO, COLLISION];
