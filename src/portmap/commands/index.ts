// Declares the commands of `portreeve portmap`, except take-over, which belongs to the daemon.
import { NETIDS } from '../../base/netid.ts';
import {
  type Argument,
  type Command,
  command,
  type Option,
  type Options,
  type OptionsOf,
} from '../../kit/command.ts';
import { JSON_OUTPUT } from '../../kit/options.ts';

const HOST = {
  help: 'NAME, ADDRESS, NAME:PORT, [IPv6]:PORT, /PATH or @NAME of a Unix socket',
} satisfies Argument;
const PROGRAM = { help: 'the program number, or a name of /etc/rpc' } satisfies Argument;
const VERSION = { help: 'the version of the program' } satisfies Argument;

const TIMEOUT = {
  value: 'time',
  help: 'the timeout of each call: 500ms, 2s, 1m',
  detail: 'At most one hour.',
  defaultText: '5s',
} satisfies Option;

const ONE_PROTOCOL = {
  tcp: {
    help: 'use TCP only',
    detail: 'By default, UDP is used for a program that is not registered over TCP.',
    excludes: ['udp'],
  },
  udp: { help: 'use UDP only', excludes: ['tcp'] },
} satisfies Options;

const GROUP: Command = {
  path: ['portmap'],
  summary: 'query RPC port mappers, and register RPC programs',
  examples: ['portreeve portmap list', 'portreeve portmap ping 127.0.0.1 portmapper'],
};

const LIST_OPTIONS = {
  json: { ...JSON_OUTPUT, help: 'print JSON, an object for each registration' },
  timeout: TIMEOUT,
};
export type PortmapListOptions = OptionsOf<typeof LIST_OPTIONS>;

const LIST = command({
  path: ['portmap', 'list'],
  summary: 'list the RPC programs that are registered',
  arguments: { host: { ...HOST, optional: true } },
  options: LIST_OPTIONS,
  help: `Without a host, queries the running daemon, else the port mapper on
/run/rpcbind.sock, else the one on port 111 of 127.0.0.1.`,
  examples: [
    'portreeve portmap list',
    'portreeve portmap list nfs.example.org',
    'portreeve portmap list [2001:db8::7]:7111',
    'portreeve portmap list /run/rpcbind.sock --json',
  ],
  run: async ({ host }, options, io) => {
    const { portmapListCommand } = await import('./list.ts');
    return await portmapListCommand(host, options, io);
  },
});

const FIND_OPTIONS = {
  ...ONE_PROTOCOL,
  json: { ...JSON_OUTPUT, help: 'print JSON, an object for each host' },
  timeout: TIMEOUT,
};
export type PortmapFindOptions = OptionsOf<typeof FIND_OPTIONS>;

const FIND = command({
  path: ['portmap', 'find'],
  summary: 'find the hosts that run an RPC program',
  arguments: { program: PROGRAM, host: { ...HOST, repeatable: true } },
  options: FIND_OPTIONS,
  help: `Queries the port mappers of all hosts in parallel. The program itself is not
called: portreeve portmap ping does that.

Exit status 0 if at least one host has it, 1 if none has it, 3 if none answered.`,
  examples: [
    'portreeve portmap find mountd nfs1.example.org nfs2.example.org',
    'portreeve portmap find 100003 192.0.2.7 [2001:db8::7]:7111 --udp --timeout 2',
  ],
  run: async ({ program, host }, options, io) => {
    const { portmapFindCommand } = await import('./find.ts');
    return await portmapFindCommand(program, host, options, io);
  },
});

const PING_OPTIONS = {
  ...ONE_PROTOCOL,
  json: { ...JSON_OUTPUT, help: 'print JSON, an object for each version' },
  timeout: TIMEOUT,
};
export type PortmapPingOptions = OptionsOf<typeof PING_OPTIONS>;

const PING = command({
  path: ['portmap', 'ping'],
  summary: 'test whether an RPC program answers',
  arguments: {
    host: HOST,
    program: PROGRAM,
    version: { help: 'one version (default: every version)', optional: true },
  },
  options: PING_OPTIONS,
  help: `Queries the port mapper of the host for the address of the program, over TCP
and, if it is not registered there, over UDP. Then calls procedure 0 of the
program, which does nothing but reply.

Exit status 0 if it answers, 1 if it does not, 3 if no port mapper answers.`,
  examples: [
    'portreeve portmap ping 127.0.0.1 portmapper',
    'portreeve portmap ping nfs.example.org nfs 3 --tcp',
    'portreeve portmap ping nfs.example.org 100005 --udp --timeout 2',
  ],
  run: async (words, options, io) => {
    const { portmapPingCommand } = await import('./ping.ts');
    return await portmapPingCommand(words, options, io);
  },
});

const STATS_OPTIONS = {
  json: { ...JSON_OUTPUT, help: 'print JSON, an object for each version of the protocol' },
  timeout: TIMEOUT,
};
export type PortmapStatsOptions = OptionsOf<typeof STATS_OPTIONS>;

const STATS = command({
  path: ['portmap', 'stats'],
  summary: 'show the statistics of a port mapper',
  arguments: { host: { ...HOST, optional: true } },
  options: STATS_OPTIONS,
  help: `Prints the number of calls of each procedure, the SETs and UNSETs that changed
something, the programs that were looked up, and the calls that were forwarded.`,
  examples: ['portreeve portmap stats', 'portreeve portmap stats nfs.example.org --json'],
  run: async ({ host }, options, io) => {
    const { portmapStatsCommand } = await import('./stats.ts');
    return await portmapStatsCommand(host, options, io);
  },
});

const CHANGE_OPTIONS = {
  socket: {
    value: 'path',
    help: 'the Unix socket of the port mapper, /PATH or @NAME',
    detail: 'The default is that of the running daemon, else /run/rpcbind.sock.',
    completion: 'file',
  },
  dryRun: { help: 'print the request, and do not send it' },
  timeout: TIMEOUT,
} satisfies Options;
export type PortmapChangeOptions = OptionsOf<typeof CHANGE_OPTIONS>;

const CHANGE_HELP = `Sends the request over the Unix socket of the running daemon, else over
/run/rpcbind.sock. The port mapper learns your uid from the kernel.
Exit status 1 if it refuses.`;

const SET = command({
  path: ['portmap', 'set'],
  summary: 'register an RPC program',
  arguments: {
    program: PROGRAM,
    version: VERSION,
    netid: { help: 'the transport', choices: NETIDS },
    address: {
      help: 'PORT, ADDRESS:PORT, [IPv6]:PORT, a universal address, or the path of a Unix socket',
    },
  },
  options: CHANGE_OPTIONS,
  help: `${CHANGE_HELP}

PORT alone registers the program for every address of the host.`,
  examples: [
    'portreeve portmap set 536870913 1 tcp 7001',
    'portreeve portmap set 536870913 1 udp 192.0.2.7:7001 --dry-run',
    'portreeve portmap set 536870913 1 local /run/service.sock',
  ],
  run: async (words, options, io) => {
    const { portmapSetCommand } = await import('./change.ts');
    return await portmapSetCommand(words, options, io);
  },
});

const UNSET = command({
  path: ['portmap', 'unset'],
  summary: 'unregister an RPC program',
  arguments: {
    program: PROGRAM,
    version: VERSION,
    netid: { help: 'the transport (default: all transports)', optional: true, choices: NETIDS },
  },
  options: CHANGE_OPTIONS,
  help: CHANGE_HELP,
  examples: ['portreeve portmap unset 536870913 1', 'portreeve portmap unset 536870913 1 tcp --dry-run'],
  run: async (words, options, io) => {
    const { portmapUnsetCommand } = await import('./change.ts');
    return await portmapUnsetCommand(words, options, io);
  },
});

export const PORTMAP: readonly Command[] = [GROUP, LIST, FIND, PING, STATS, SET, UNSET];
