// Declares the commands that belong to no feature: the program itself, its daemon, its settings and its installation.
import { type Command, command, type Option, type Options, type OptionsOf } from '../kit/command.ts';
import { CONFIG, DIRECTORY, JSON_OUTPUT, PINS, RUNTIME } from '../kit/options.ts';

const PORTREEVE: Command = {
  path: [],
  summary: 'The port authority of a Linux host.',
  help: 'Exit status: 0 yes or done, 1 no, 2 wrong usage, 3 could not tell.',
  examples: [
    'portreeve serve',
    'portreeve status',
    'portreeve portmap list',
    'portreeve portmap ping nfs.example.org mountd',
    'portreeve profile check profile.tcpip',
    'portreeve decide WEB 80/tcp',
  ],
};

const LISTEN = {
  value: 'address',
  help: 'an address to listen on, in addition to loopback; may be repeated',
  repeatable: true,
} satisfies Option;

const SERVE = command({
  path: ['serve'],
  summary: 'run the daemon in the foreground',
  options: {
    config: CONFIG,
    state: { ...DIRECTORY, help: 'the state directory, which persists across reboots' },
    runtime: { ...DIRECTORY, help: 'the runtime directory, with sockets and registrations' },
    listen: { ...LISTEN, detail: '`0.0.0.0` and `::` stand for all IPv4 and all IPv6 addresses.' },
    port: {
      value: 'n',
      help: 'the port of the port mapper',
      detail: 'It is a number or a service name.',
      defaultText: '111',
    },
    local: { value: 'path', help: 'the Unix socket of the port mapper', completion: 'file' },
    fallback: { help: 'use another port if 111 is in use', hidden: true },
    pins: PINS,
  },
  help: `Serves the RPC port mapper on loopback and on the --listen addresses, tracks
users and units for the guard, and logs to standard error. It runs until SIGINT
or SIGTERM; SIGHUP reloads the settings.`,
  examples: [
    'portreeve serve                            on loopback, port 111',
    'portreeve serve --listen 192.0.2.7         also on that address',
    'portreeve serve --port 7111 --runtime /tmp/try --local /tmp/try/rpcbind.sock',
  ],
  run: async (_, options, io) => {
    const { serveCommand } = await import('./serve.ts');
    return await serveCommand(options, io);
  },
});

const STATUS_OPTIONS = { runtime: RUNTIME, json: JSON_OUTPUT };
export type StatusOptions = OptionsOf<typeof STATUS_OPTIONS>;

const STATUS = command({
  path: ['status'],
  summary: 'show the status of the running daemon',
  options: STATUS_OPTIONS,
  help: 'Exit status 0 if portmap is running, 1 if it is not, 3 if no daemon answers.',
  examples: ['portreeve status', 'portreeve status --json | jq .portmap.mappings'],
  run: async (_, options, io) => {
    const { statusCommand } = await import('./status.ts');
    return await statusCommand(options, io);
  },
});

const TAKE_OVER = command({
  path: ['portmap', 'take-over'],
  summary: 'replace a running rpcbind and keep its registrations',
  options: {
    dryRun: {
      help: 'print what would be done, and do nothing',
      detail: 'Each address and each registration is listed.',
    },
    listen: {
      ...LISTEN,
      detail: "They replace rpcbind's addresses. 127.0.0.1 means loopback only.",
    },
    config: CONFIG,
    pins: PINS,
  },
  help: `Reads the registrations of rpcbind, stops it, and serves in its place in the
foreground, like portreeve serve. No RPC server needs a restart. It listens on
the addresses of rpcbind, unless --listen or the settings name others, and
writes them to the settings file for later starts.`,
  examples: [
    'portreeve portmap take-over --dry-run',
    'portreeve portmap take-over',
    'portreeve portmap take-over --listen 192.0.2.7',
  ],
  run: async (_, options, io) => {
    const { serveCommand } = await import('./serve.ts');
    return await serveCommand({ ...options, takeOver: true }, io);
  },
});

const CHECK_EXAMPLES = ['portreeve config check /etc/portreeve/portreeve.toml'];

const SETTINGS: Command = {
  path: ['config'],
  summary: 'inspect portreeve.toml',
  examples: CHECK_EXAMPLES,
};

const CHECK_SETTINGS = command({
  path: ['config', 'check'],
  summary: 'check whether a settings file is valid',
  arguments: { file: { help: 'a portreeve.toml', completion: 'file' } },
  help: `Reports every error: unknown keys, with the most similar known one, and invalid
values. Exit status 0 if the file is valid, 2 if not.`,
  examples: CHECK_EXAMPLES,
  run: async ({ file }, _, io) => {
    const { configCheckCommand } = await import('./config-check.ts');
    return configCheckCommand(file, io);
  },
});

const INSTALL_OPTIONS = {
  dryRun: { help: 'show every file and command, and do nothing', detail: 'Root is not required.' },
  root: {
    ...DIRECTORY,
    help: 'write into the directory tree of another system; run no command',
    detail:
      'The directory must exist. Symbolic links in it are followed as that system would follow them. That system ' +
      'creates the accounts when it starts.',
  },
  force: {
    help: 'replace files that portreeve did not write',
    detail: 'This includes symbolic links. They cannot be restored later.',
  },
  allowPath: {
    help: 'run the program as root even if other users can change its files',
    detail: 'Those users can become root. The paths are listed.',
  },
} satisfies Options;
export type InstallOptions = OptionsOf<typeof INSTALL_OPTIONS>;

const INSTALL = command({
  path: ['install'],
  summary: 'have systemd start the guard and the daemon',
  options: INSTALL_OPTIONS,
  help: `The guard starts before any service binds a port; the daemon replaces rpcbind.
Files that are up to date are not written again.

A program that users other than root can change is refused.

Exit status 0 if everything is installed, 1 if foreign files are in the way or
if other users can change the program.`,
  examples: ['portreeve install --dry-run', 'portreeve install', 'portreeve install --root /mnt/image'],
  run: async (_, options, io) => {
    const { installCommand } = await import('./install/command.ts');
    return installCommand(options, io);
  },
});

const UNINSTALL_OPTIONS = {
  dryRun: { help: 'show what would be removed, and do nothing' },
  root: {
    ...DIRECTORY,
    help: 'remove from the directory tree of another system; run no command',
  },
  purge: {
    help: 'also remove the state directory',
    detail: 'It is /var/lib/portreeve, with the history of applied profiles.',
  },
} satisfies Options;
export type UninstallOptions = OptionsOf<typeof UNINSTALL_OPTIONS>;

const UNINSTALL = command({
  path: ['uninstall'],
  summary: 'remove what install wrote, and the guard',
  options: UNINSTALL_OPTIONS,
  help: `Stops the daemon, removes the guard from the kernel, and removes the units. What
remains is listed.`,
  examples: ['portreeve uninstall --dry-run', 'portreeve uninstall --purge'],
  run: async (_, options, io) => {
    const { uninstallCommand } = await import('./install/command.ts');
    return uninstallCommand(options, io);
  },
});

const COMPLETION = command({
  path: ['completion'],
  summary: 'print the completion script of a shell',
  arguments: { shell: { help: 'the shell', choices: ['bash', 'zsh', 'fish'] } },
  examples: [
    'source <(portreeve completion bash)        in ~/.bashrc',
    'source <(portreeve completion zsh)         in ~/.zshrc, after compinit',
    'portreeve completion fish | source         in ~/.config/fish/config.fish',
  ],
  run: async ({ shell }, _, io, { commands }) => {
    const { completionCommand } = await import('./completion.ts');
    return completionCommand(shell, commands, io);
  },
});

export const DAEMON: readonly Command[] = [PORTREEVE, SERVE, STATUS];

export const SETUP: readonly Command[] = [
  TAKE_OVER,
  SETTINGS,
  CHECK_SETTINGS,
  INSTALL,
  UNINSTALL,
  COMPLETION,
];
