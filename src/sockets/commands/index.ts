// The commands that say who holds which port now: `portreeve ports` and `who`.
import { type Command, command, type Options, type OptionsOf } from '../../kit/command.ts';
import { ARCHIVE, ASKED_PORTS, JSON_OUTPUT, RUNTIME } from '../../kit/options.ts';
import type { PortSources } from './ports-deps.ts';

const PORTS_OPTIONS = {
  listening: { help: 'only what others can reach: TCP that listens, UDP that is not connected' },
  all: {
    help: 'every socket: connections and TIME_WAIT, too',
    detail: 'Each is listed with its other end.',
  },
  owner: {
    value: 'word',
    help: 'only of this process (name or pid), user, unit, container or job',
    detail:
      'A unit may stand without `.service`, and a container by the beginning of its id. A job is the one that the ' +
      'guard would take the holder for.',
  },
  watch: {
    help: 'print a line for each change as it happens',
    detail:
      'It prints no list, but each socket that is opened (`+`) or closed (`-`), or changes its state, until it is ' +
      'interrupted. It looks four times in a second: what comes and goes in between is not seen. With `--json` each ' +
      'line is an object with `time` and `change`, which is `taken` or `released`.',
  },
  json: {
    ...JSON_OUTPUT,
    detail:
      '`ports` has an object for each socket, `notSeen` is how many processes did not let us look. Of each owner it ' +
      'has the command line, the user, the cgroup, and when it was started, in clock ticks since boot, which with ' +
      'the number tells it from every other process.',
  },
  runtime: RUNTIME,
  state: {
    ...ARCHIVE,
    detail: 'With it no daemon is asked.',
  },
} satisfies Options;
export type PortsOptions = OptionsOf<typeof PORTS_OPTIONS>;

const ports = (sources: PortSources) =>
  command({
    path: ['ports'],
    summary: 'list the ports that are held, by whom, and what they are called',
    arguments: { port: { ...ASKED_PORTS, optional: true } },
    options: PORTS_OPTIONS,
    help: `Without --listening and --all: what holds a port for others to reach, and what
is bound and does not listen, which other tools do not show.

Exit code 0, or 1 if ports or an owner were named and there is nothing.`,
    examples: [
      'portreeve ports',
      'portreeve ports 8000-8100 53/udp ssh',
      'portreeve ports --all --owner nginx',
      `portreeve ports --listening --json | jq '.ports[] | select(.user != "root")'`,
    ],
    run: async ({ port }, options, io) => {
      const { portsCommand } = await import('./ports.ts');
      return await portsCommand(port, options, { io, sources });
    },
  });

const WHO_OPTIONS = {
  json: {
    ...JSON_OUTPUT,
    detail:
      'It has `port`, `held`, and `ports` with the sockets as portreeve-ports(1) has them. Of several ports `asked` ' +
      'has `port`, `protocol` and `held` of each in the place of `port`, and `held` is true if all of them are.',
  },
  runtime: RUNTIME,
};
export type WhoOptions = OptionsOf<typeof WHO_OPTIONS>;

const who = (sources: PortSources) =>
  command({
    path: ['who'],
    summary: 'say in one line who holds a port',
    arguments: { port: ASKED_PORTS },
    options: WHO_OPTIONS,
    help: `Exit code 0 if somebody holds it, 1 if nobody does, 3 if somebody does and you
may not see who. Of several ports the highest.`,
    examples: ['portreeve who 8080', 'portreeve who 80 443/tcp ssh', 'portreeve who 53/udp || echo free'],
    run: async ({ port }, options, io) => {
      const { whoCommand } = await import('./who.ts');
      return await whoCommand(port, options, { io, sources });
    },
  });

/** The commands; `sources` is what other features know of ports. */
export function socketCommands(sources: PortSources): readonly Command[] {
  return [ports(sources), who(sources)];
}
