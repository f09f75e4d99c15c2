// Programs in many languages that bind a TCP port on all addresses, and report the result in their own words.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GuardFixture, Who } from './guard.ts';
import { type Probe, probe } from './probe.ts';
import { type Running, type Sandbox, until } from './sandbox.ts';

export interface ForeignProgram {
  readonly name: string;
  /** Whether this machine has the requirements. */
  readonly needs: () => readonly Probe[];
  /** What the sandbox must contain before it can run. */
  readonly prepare?: (sandbox: Sandbox) => void;
  readonly argv: (port: number) => readonly string[];
  /** What it writes when it has the port. */
  readonly bound: RegExp;
}

const PYTHON = `import socket, sys
try:
    socket.socket().bind(("", int(sys.argv[1])))
    print("bound")
except OSError as problem:
    print(problem.strerror)`;

const PERL = `socket(my $socket, PF_INET, SOCK_STREAM, 0) or die;
print bind($socket, sockaddr_in($ARGV[0], INADDR_ANY)) ? "bound" : $!;`;

const NODE = `const server = require('node:net').createServer();
server.on('error', ({ code }) => console.log(code));
server.listen(process.argv[1], () => { console.log('bound'); process.exit(); });`;

const JAVA = `class Bind {
  public static void main(String[] args) throws Exception {
    try (var socket = new java.net.ServerSocket(Integer.parseInt(args[0]))) {
      System.out.println("bound");
    } catch (java.net.BindException problem) {
      System.out.println(problem.getMessage());
    }
  }
}`;

const STATIC_SOURCE = join(import.meta.dirname, 'static-binder.c');
/** Where built files appear in the sandbox: an ordinary user may not be able to read the host's directories. */
const NODE_IN_SANDBOX = '/run/node';
const STATIC_IN_SANDBOX = '/run/static-binder';

export const FOREIGN_PROGRAMS: readonly ForeignProgram[] = [
  {
    name: 'python3',
    needs: () => [probe.command('python3')],
    argv: (port) => ['python3', '-c', PYTHON, `${port}`],
    bound: /^bound$/m,
  },
  {
    name: 'perl',
    needs: () => [probe.command('perl')],
    argv: (port) => ['perl', '-MSocket', '-e', PERL, `${port}`],
    bound: /^bound$/m,
  },
  {
    name: 'nc',
    needs: () => [],
    argv: (port) => ['nc.openbsd', '-n', '-v', '-l', '0.0.0.0', `${port}`],
    bound: /^Listening on/m,
  },
  {
    name: 'socat',
    needs: () => [],
    argv: (port) => ['socat', '-d', '-d', `TCP-LISTEN:${port}`, '-'],
    bound: / listening on /,
  },
  {
    name: 'node',
    needs: () => [],
    prepare: (sandbox) => copyFileSync(process.execPath, sandbox.path(NODE_IN_SANDBOX)),
    argv: (port) => [NODE_IN_SANDBOX, '-e', NODE, `${port}`],
    bound: /^bound$/m,
  },
  {
    name: 'a static binary',
    needs: () => [probe.cc(), staticLibrary()],
    prepare: (sandbox) => {
      cc(['-static', '-o', sandbox.path(STATIC_IN_SANDBOX), STATIC_SOURCE]);
      chmodSync(sandbox.path(STATIC_IN_SANDBOX), 0o755);
    },
    argv: (port) => [STATIC_IN_SANDBOX, `${port}`],
    bound: /^bound$/m,
  },
  {
    name: 'a JVM',
    needs: () => [probe.command('java'), probe.command('javac')],
    prepare: prepareJava,
    argv: (port) => [realpathSync(commandPath('java')), '-XX:-UsePerfData', '-cp', '/run', 'Bind', `${port}`],
    bound: /^bound$/m,
  },
];

const ERRNOS: readonly (readonly [errno: string, words: RegExp])[] = [
  ['EACCES', /Permission denied|EACCES/],
  ['EADDRINUSE', /Address already in use|EADDRINUSE/],
  ['EPERM', /Operation not permitted|EPERM/],
];

/** Runs a program until it has the port or reports why not: "bound", or the errno's name. */
export async function bindBy(
  program: ForeignProgram,
  fixture: GuardFixture,
  port: number,
  who: Who,
): Promise<string> {
  const running = fixture.start(program.argv(port), who);
  const result = await until(`${program.name} to bind ${port}`, () => resultOf(program, running));
  if (running.outcome === undefined) await running.stop('SIGKILL');
  return result;
}

function resultOf({ name, bound }: ForeignProgram, { output, outcome }: Running): string | undefined {
  if (bound.test(output)) return 'bound';
  const errno = ERRNOS.find(([, words]) => words.test(output))?.[0];
  if (errno === undefined && outcome !== undefined) throw new Error(`${name} printed neither: ${output}`);
  return errno;
}

function cc(args: readonly string[]): void {
  execFileSync('cc', ['-std=c17', '-D_GNU_SOURCE', '-O2', '-Wall', '-Wextra', '-Werror', ...args]);
}

let hasStatic: Probe | undefined;

function staticLibrary(): Probe {
  if (hasStatic !== undefined) return hasStatic;
  const directory = mkdtempSync(join(tmpdir(), 'portreeve-static-'));
  try {
    cc(['-static', '-o', join(directory, 'program'), STATIC_SOURCE]);
    hasStatic = { ok: true };
  } catch {
    hasStatic = { ok: false, reason: 'needs a C library to link statically (libc6-dev)' };
  } finally {
    rmSync(directory, { recursive: true });
  }
  return hasStatic;
}

function commandPath(name: string): string {
  const path = (process.env['PATH'] ?? '').split(':').map((directory) => join(directory, name));
  return path.find((file) => existsSync(file)) ?? name;
}

/** The class, and the settings of the JVM, which Debian keeps in /etc; the sandbox has its own /etc. */
function prepareJava(sandbox: Sandbox): void {
  // Built elsewhere: javac would follow the link into the sandbox to its target on the host.
  const directory = mkdtempSync(join(tmpdir(), 'portreeve-java-'));
  try {
    writeFileSync(join(directory, 'Bind.java'), JAVA);
    execFileSync('javac', ['-d', directory, join(directory, 'Bind.java')]);
    copyFileSync(join(directory, 'Bind.class'), sandbox.path('/run/Bind.class'));
  } finally {
    rmSync(directory, { recursive: true });
  }
  for (const name of readdirSync('/etc').filter((one) => one.startsWith('java'))) {
    cpSync(join('/etc', name), sandbox.path(join('/etc', name)), { recursive: true });
  }
}
