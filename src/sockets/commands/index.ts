// The commands that report which process holds which port: `portreeve ports` and `who`.
import { type Command, command, type Options, type OptionsOf } from '../../kit/command.ts';
import { JSON_OUTPUT, REQUESTED_PORTS, RUNTIME, STATE } from '../../kit/options.ts';
import type { PortSources } from './ports-deps.ts';

const PORTS_OPTIONS = {
  listening: { help: 'only sockets that others can reach: listening TCP, unconnected UDP' },
  all: {
    help: 'every socket, including connections and TIME_WAIT',
    detail: 'Adds the column `REMOTE`.',
  },
  owner: {
    value: 'word',
    help: 'only sockets of this process (name or pid), user, unit, container or job',
    detail:
      'The suffix `.service` of a unit may be omitted, and a container id abbreviated. The job is the one by which ' +
      'the guard judges the binds of the owner.',
  },
  watch: {
    help: 'print a line for each change as it happens',
    detail:
      'Prints each socket that is opened (`+`), closed (`-`), or changes its state, until interrupted. It reads the ' +
      'sockets four times a second, and misses those that are opened and closed in between. With `--json` each line ' +
      'is an object with `time` and `change`, which is `taken` or `released`.',
  },
  json: {
    ...JSON_OUTPUT,
    detail:
      '`ports` has an object for each socket; `hiddenProcesses` is the number of processes whose sockets could not ' +
      'be read. Each owner has its command line, user, cgroup, and start time in clock ticks since boot, which ' +
      'together with the pid identifies the process.',
  },
  runtime: RUNTIME,
  state: {
    ...STATE,
    detail: 'With this option the daemon is not queried.',
  },
} satisfies Options;
export type PortsOptions = OptionsOf<typeof PORTS_OPTIONS>;

const ports = (sources: PortSources) =>
  command({
    path: ['ports'],
    summary: 'list the ports in use and the processes that hold them',
    arguments: { port: { ...REQUESTED_PORTS, optional: true } },
    options: PORTS_OPTIONS,
    help: `By default, lists sockets that others can reach, and TCP sockets that are bound
but do not listen, which most other tools do not show.

Exit status 0, or 1 if ports or an owner were given and no socket matches.`,
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
      'An object with `port`, `inUse` and `ports`, which has the sockets as in portreeve-ports(1). For several ' +
      'ports, `results` replaces `port` and has the `port`, `protocol` and `inUse` of each, and the outer `inUse` ' +
      'is true if all of them are in use.',
  },
  runtime: RUNTIME,
};
export type WhoOptions = OptionsOf<typeof WHO_OPTIONS>;

const who = (sources: PortSources) =>
  command({
    path: ['who'],
    summary: 'print which process holds a port',
    arguments: { port: REQUESTED_PORTS },
    options: WHO_OPTIONS,
    help: `Exit status 0 if the port is in use, 1 if it is not in use, 3 if it is in use
and the owner is unknown, because you may not see the processes of other users.
For several ports, the highest of these.`,
    examples: ['portreeve who 8080', 'portreeve who 80 443/tcp ssh', 'portreeve who 53/udp || echo free'],
    run: async ({ port }, options, io) => {
      const { whoCommand } = await import('./who.ts');
      return await whoCommand(port, options, { io, sources });
    },
  });

/** `sources` provides what other features know about ports. */
export function socketCommands(sources: PortSources): readonly Command[] {
  return [ports(sources), who(sources)];
}
