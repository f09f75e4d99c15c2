/** A call of every command of the program, so that a test can hold all of them to one rule, also those to come. */

import { COMMANDS } from '../../src/main/program.ts';

/** Files that the calls name, to be written before they are made. */
export const CALL_FILES: Readonly<Record<string, string>> = {
  '/run/files/profile.tcpip': 'PORT 4000 TCP WEB\n',
  '/run/files/portreeve.toml': '[portmap]\nport = 111\n',
};

const PROFILE = '/run/files/profile.tcpip';

/** How a command can be called without changing the host, apart from what it is there for. */
export interface Call {
  /** What follows the name of the command. */
  readonly words: string;
  /** Whom the command serves. */
  readonly who: 'everybody' | 'root';
  /** Whether it asks the daemon in the user's runtime directory. */
  readonly asks: boolean;
}

const call = (words: string, { who = 'everybody', asks = false }: Partial<Call> = {}): Call => ({
  words,
  who,
  asks,
});
const ROOT = { who: 'root' } as const;
const ASKS = { asks: true } as const;

/** By the name of the command. A guard at `--pins` is not there. */
export const CALLS: Readonly<Record<string, readonly Call[]>> = {
  serve: [call('--port 7111 --local /run/none/rpcbind.sock')],
  status: [call('', ASKS)],
  'portmap list': [call('', ASKS)],
  'portmap find': [call('portmapper 127.0.0.1')],
  'portmap ping': [call('127.0.0.1 portmapper')],
  'portmap stats': [call('', ASKS)],
  'portmap set': [call('536870913 1 tcp 7001', ASKS)],
  'portmap unset': [call('536870913 1', ASKS)],
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
  guard: [call('', ASKS), call('--restarts --pins /sys/fs/bpf/none', ROOT)],
  'guard enforce': [call('--pins /sys/fs/bpf/none --cgroup /run/none', ROOT)],
  'guard observe': [call('--pins /sys/fs/bpf/none --cgroup /run/none', ROOT)],
  'guard off': [call('--pins /sys/fs/bpf/none', ROOT)],
  'guard namespaces': [call('--pins /sys/fs/bpf/none', ROOT)],
  'guard namespaces add': [call('pid:1 --pins /sys/fs/bpf/none', ROOT)],
  'guard namespaces remove': [call('pid:1 --pins /sys/fs/bpf/none', ROOT)],
  confirm: [call('--pins /sys/fs/bpf/none', ROOT)],
  events: [call('', ASKS), call('--follow --json', ASKS)],
  run: [call('--job WEB -- true')],
  ports: [call('', ASKS)],
  who: [call('7111', ASKS)],
  explain: [call('7111', ASKS)],
  stacks: [call('')],
  suggest: [call('')],
  doctor: [call('', ASKS), call('--fix'), call('--fix --yes', ROOT), call('--undo', ROOT)],
  'demo collision': [call('--connections 1')],
  'config check': [call('/run/files/portreeve.toml')],
  install: [call('--dry-run'), call('', ROOT)],
  uninstall: [call('--dry-run'), call('', ROOT), call('--purge', ROOT)],
  completion: [call('bash')],
};

/** The names of all commands that do something, and not only hold others. */
export function commandsOfProgram(): string[] {
  return COMMANDS.filter((command) => command.run !== undefined).map(({ path }) => path.join(' '));
}
