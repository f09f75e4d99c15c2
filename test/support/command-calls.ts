/** Calls of every command, with which a test can check one rule for all of them, including future ones. */

import { COMMANDS } from '../../src/main/program.ts';

/** The files that the calls name; to be written before the calls. */
export const CALL_FILES: Readonly<Record<string, string>> = {
  '/run/files/profile.tcpip': 'PORT 4000 TCP WEB\n',
  '/run/files/portreeve.toml': '[portmap]\nport = 111\n',
};

const PROFILE = '/run/files/profile.tcpip';

/** A call of a command that does not change the host beyond the command's purpose. */
export interface Call {
  /** The arguments. */
  readonly args: string;
  /** Who may use the command. */
  readonly users: 'all' | 'root';
  /** Whether it queries the daemon in the user's runtime directory. */
  readonly queries: boolean;
}

const call = (args: string, { users = 'all', queries = false }: Partial<Call> = {}): Call => ({
  args,
  users,
  queries,
});
const ROOT = { users: 'root' } as const;
const QUERIES = { queries: true } as const;

/** By the name of the command. There is no guard at `--pins`. */
export const CALLS: Readonly<Record<string, readonly Call[]>> = {
  serve: [call('--port 7111 --local /run/none/rpcbind.sock')],
  status: [call('', QUERIES)],
  'portmap list': [call('', QUERIES)],
  'portmap find': [call('portmapper 127.0.0.1')],
  'portmap ping': [call('127.0.0.1 portmapper')],
  'portmap stats': [call('', QUERIES)],
  'portmap set': [call('536870913 1 tcp 7001', QUERIES)],
  'portmap unset': [call('536870913 1', QUERIES)],
  'portmap take-over': [call('--dry-run')],
  'profile check': [call(PROFILE)],
  'profile format': [call(PROFILE)],
  'profile diff': [call(`${PROFILE} ${PROFILE} --live`)],
  'profile history': [call('')],
  apply: [
    call(`${PROFILE} --dry-run`),
    call(`${PROFILE} --try 60s --dry-run`),
    call(`${PROFILE} --try 60s`, ROOT),
    call('--revision 1 --try 60s', ROOT),
  ],
  obey: [call(`${PROFILE} --dry-run`)],
  reservations: [call('')],
  decide: [call('WEB 80/tcp')],
  guard: [call('', QUERIES), call('--restarts --pins /sys/fs/bpf/none', ROOT)],
  'guard enforce': [call('--pins /sys/fs/bpf/none --cgroup /run/none', ROOT)],
  'guard observe': [call('--pins /sys/fs/bpf/none --cgroup /run/none', ROOT)],
  'guard off': [call('--pins /sys/fs/bpf/none', ROOT)],
  'guard namespaces': [call('--pins /sys/fs/bpf/none', ROOT)],
  'guard namespaces add': [call('pid:1 --pins /sys/fs/bpf/none', ROOT)],
  'guard namespaces remove': [call('pid:1 --pins /sys/fs/bpf/none', ROOT)],
  confirm: [call('--pins /sys/fs/bpf/none', ROOT)],
  events: [call('', QUERIES), call('--follow --json', QUERIES)],
  run: [call('--job WEB -- true')],
  ports: [call('', QUERIES)],
  who: [call('7111', QUERIES)],
  explain: [call('7111', QUERIES)],
  stacks: [call('')],
  suggest: [call('')],
  doctor: [call('', QUERIES), call('--fix'), call('--fix --yes', ROOT), call('--undo', ROOT)],
  'demo collision': [call('--connections 1')],
  'config check': [call('/run/files/portreeve.toml')],
  install: [call('--dry-run'), call('', ROOT)],
  uninstall: [call('--dry-run'), call('', ROOT), call('--purge', ROOT)],
  completion: [call('bash')],
};

/** The names of all commands that are not only groups of subcommands. */
export function commandsOfProgram(): string[] {
  return COMMANDS.filter((command) => command.run !== undefined).map(({ path }) => path.join(' '));
}
