// A sandbox with its own network, mount, and PID namespaces, in which a test runs daemons as root.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import type { TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { parseDecimal } from '../../src/base/port.ts';
import type { Peers } from './peers.ts';
import type { Probe } from './probe.ts';

const POLL_MS = 10;
const SLOWNESS_MAX = 1000;
/** A factor for all timeouts, because a virtual machine without KVM is slow. */
const SLOWNESS = parseDecimal(process.env['PORTREEVE_TEST_SLOWNESS'] ?? '', SLOWNESS_MAX) ?? 1;
const TIMEOUT_MS = 10_000 * SLOWNESS;
const NAMESPACES = ['--net', '--mount', '--pid', '--fork', '--kill-child'];
/** PID_MAX_LIMIT of include/linux/threads.h. */
const MAX_PID = 2 ** 22;
const NO_LOGIN = '/nonexistent:/usr/sbin/nologin';
/** The path of the peers in the sandbox, because users other than root may not be able to read the cache. */
const PEERS_DIR = '/run/peers';

/**
 * The script of the first process. It reads its input: when the test ends, in whatever way, the input is closed, the
 * process ends, and the kernel then kills every process in the sandbox.
 */
const INIT = `set -eu
mount -t proc proc /proc
mount -t tmpfs -o mode=0755 run /run
[ "$(readlink -f /var/run)" = /run ] || mount --bind /run /var/run
mkdir ${PEERS_DIR} /run/.etc /run/.lib /run/.work
[ -z "$1" ] || mount -o bind,ro "$1" ${PEERS_DIR}
mount -t overlay -o lowerdir=/var/lib,upperdir=/run/.lib,workdir=/run/.work var-lib /var/lib
mkdir -p /var/lib/nfs
mount -t tmpfs nfs /var/lib/nfs
mount -t tmpfs pts /dev/pts
mount --bind /run/.etc /etc
echo ready
exec cat`;

export interface SandboxOptions {
  readonly peers?: Peers;
  /** With false, no interface has an IPv4 address. */
  readonly ipv4?: boolean;
  /** With false, IPv6 is disabled by sysctl. */
  readonly ipv6?: boolean;
  /** Files to write before anything runs, by absolute path. */
  readonly files?: Readonly<Record<string, string>>;
}

export interface RunOptions {
  readonly uid?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  readonly timeout?: number;
}

export interface Outcome {
  /** null if it was ended by a signal. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Waits until `condition` returns a value other than undefined and false, and returns it. */
export async function until<T>(
  what: string,
  condition: () => Promise<T | undefined | false> | T | undefined | false,
  timeout: number = TIMEOUT_MS,
): Promise<T> {
  const deadline = performance.now() + timeout;
  for (;;) {
    const value = await condition();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > deadline) throw new Error(`timeout of ${timeout} ms: ${what}`);
    await pause(POLL_MS);
  }
}

/** Adds a timeout to a promise, so that a test does not hang. */
export function inTime<T>(what: string, promise: Promise<T>, timeout: number = TIMEOUT_MS): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`timeout of ${timeout} ms: ${what}`)), timeout);
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Whether a sandbox can have IPv6, even if the host does not use it. */
export function kernelIpv6(): Probe {
  return existsSync('/proc/net/if_inet6') ? { ok: true } : { ok: false, reason: 'needs a kernel with IPv6' };
}

/** Ignores a process that has already ended. */
function signalIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (thrown) {
    if (!(thrown instanceof Error && 'code' in thrown && thrown.code === 'ESRCH')) throw thrown;
  }
}

/** A process in a sandbox. */
export class Running {
  readonly name: string;
  /** Settles when the process and everything that has its output open have ended. */
  readonly ended: Promise<Outcome>;
  #entry: ChildProcess;
  #stdout = '';
  #stderr = '';
  #outcome: Outcome | undefined;

  constructor(name: string, entry: ChildProcess) {
    this.name = name;
    this.#entry = entry;
    collect(entry.stdout, (text) => {
      this.#stdout += text;
    });
    collect(entry.stderr, (text) => {
      this.#stderr += text;
    });
    this.ended = new Promise((resolve, reject) => {
      entry.once('error', reject);
      entry.once('close', (code) => {
        this.#outcome = { code, stdout: this.#stdout, stderr: this.#stderr };
        resolve(this.#outcome);
      });
    });
    this.ended.catch(() => {});
  }

  get stdout(): string {
    return this.#stdout;
  }

  get output(): string {
    return this.#stdout + this.#stderr;
  }

  get outcome(): Outcome | undefined {
    return this.#outcome;
  }

  /** Its pid on the host, as the child of nsenter(1); undefined before it has started and after it has ended. */
  async pid(): Promise<number | undefined> {
    return this.#entry.pid === undefined ? undefined : onlyChild(this.#entry.pid);
  }

  waitForOutput(pattern: RegExp, timeout?: number): Promise<RegExpExecArray> {
    const what = `${this.name} to write ${pattern}`;
    return until(what, () => pattern.exec(this.output) ?? this.#stillRunning(what), timeout);
  }

  /** Ends it and waits until it has. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Outcome> {
    const pid = await until(
      `${this.name} to start`,
      async () => this.#outcome !== undefined || (await this.pid()),
    );
    if (typeof pid === 'number') signalIfThere(pid, signal);
    return until(`${this.name} to end after ${signal}`, () => this.#outcome);
  }

  #stillRunning(waitingFor: string): undefined {
    if (this.#outcome === undefined) return;
    throw new Error(
      `${this.name} ended with ${this.#outcome.code}; waited for ${waitingFor}:\n${this.output}`,
    );
  }
}

export class Sandbox {
  readonly #init: ChildProcess;
  readonly #pid: number;
  readonly #env: Readonly<Record<string, string>>;

  private constructor(init: ChildProcess, pid: number, env: Readonly<Record<string, string>>) {
    this.#init = init;
    this.#pid = pid;
    this.#env = env;
  }

  /** Creates a sandbox, which is closed after the test. */
  static async open(t: Pick<TestContext, 'after'>, options: SandboxOptions = {}): Promise<Sandbox> {
    const { peers } = options;
    const argv = [...NAMESPACES, 'sh', '-c', INIT, 'init', peers?.root ?? ''];
    const init = spawn('unshare', argv, { cwd: '/', stdio: ['pipe', 'pipe', 'pipe'] });
    t.after(() => closed(init));
    await ready(init);
    const pid = await until('the first process', () => onlyChild(init.pid ?? 0));
    const env = peers?.envAt(PEERS_DIR) ?? { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' };
    const sandbox = new Sandbox(init, pid, { ...env, HOME: '/', LC_ALL: 'C' });
    await sandbox.#prepare(options);
    return sandbox;
  }

  /** Runs a command to its end. Throws on a timeout, but not on an exit code. */
  async run(argv: readonly string[], options: RunOptions = {}): Promise<Outcome> {
    const timeout = options.timeout ?? TIMEOUT_MS;
    const running = this.start(argv, options);
    const timer = new AbortController();
    const late = pause(timeout, 'late' as const, { signal: timer.signal }).catch(() => 'late' as const);
    const outcome = await Promise.race([running.ended, late]);
    timer.abort();
    if (outcome !== 'late') return outcome;
    await running.stop('SIGKILL');
    throw new Error(`${argv.join(' ')} took more than ${timeout} ms:\n${running.output}`);
  }

  /** Starts a process that runs until it is stopped or the sandbox is closed. */
  start(argv: readonly string[], options: RunOptions = {}): Running {
    const user = options.uid === undefined ? [] : [`--setuid=${options.uid}`, `--setgid=${options.uid}`];
    const namespaces = [`--target=${this.#pid}`, '--net', '--mount', '--pid'];
    const entry = spawn('nsenter', [...namespaces, ...user, '--', ...argv], {
      cwd: '/',
      env: { ...this.#env, ...options.env },
      stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    });
    // A command may end without reading its input.
    entry.stdin?.on('error', () => {}).end(options.input);
    return new Running(argv.join(' '), entry);
  }

  /** The file of its network namespace. */
  get network(): string {
    return `/proc/${this.#pid}/ns/net`;
  }

  /** The path of a file on the host. Do not use symbolic links such as /var/run: they lead out of the sandbox. */
  path(file: string): string {
    return join(`/proc/${this.#pid}/root`, file);
  }

  async write(file: string, text: string): Promise<void> {
    // In these directories the host's process would change settings of the host.
    if (file.startsWith('/proc/') || file.startsWith('/sys/')) {
      throw new Error(`${file} would be written on the host; run a command in the sandbox`);
    }
    await mkdir(dirname(this.path(file)), { recursive: true });
    await writeFile(this.path(file), text);
  }

  read(file: string): Promise<string> {
    return readFile(this.path(file), 'utf8');
  }

  /** Adds an unconnected interface with an address. */
  async addAddress(cidr: string, name = 'net0'): Promise<void> {
    await this.#must('ip', 'link', 'add', name, 'type', 'veth', 'peer', 'name', `${name}-far`);
    await this.#must('ip', 'link', 'set', `${name}-far`, 'up');
    await this.#must('ip', 'link', 'set', name, 'up');
    await this.#must('ip', 'address', 'add', cidr, 'dev', name, ...(cidr.includes(':') ? ['nodad'] : []));
  }

  /** Kills every process in the sandbox and removes it. */
  async close(): Promise<void> {
    await closed(this.#init);
  }

  async #must(...argv: string[]): Promise<void> {
    const { code, stderr } = await this.run(argv);
    if (code !== 0) throw new Error(`${argv.join(' ')}: ${stderr}`);
  }

  async #prepare(options: SandboxOptions): Promise<void> {
    // The host's libraries are found with this file; nothing else in the host's /etc is visible.
    await copyFile('/etc/ld.so.cache', this.path('/etc/ld.so.cache'));
    for (const name of ['netconfig', 'protocols', 'rpc', 'services']) {
      const source = options.peers === undefined ? '/etc' : join(options.peers.root, 'etc');
      if (existsSync(join(source, name))) await copyFile(join(source, name), this.path(`/etc/${name}`));
    }
    for (const [file, text] of Object.entries({ ...STANDARD_FILES, ...options.files })) {
      await this.write(file, text);
    }
    await this.#must('sh', '-c', SET_IPV6, 'set-ipv6', options.ipv6 === false ? '1' : '0');
    await this.#must('ip', 'link', 'set', 'lo', 'up');
    if (options.ipv4 === false) await this.#must('ip', '-4', 'address', 'flush', 'dev', 'lo');
  }
}

/** Set in both cases, because a new network namespace may inherit the setting of the host. */
const SET_IPV6 = `cd /proc/sys/net/ipv6/conf || exit 0
for name in all default lo; do echo "$1" > $name/disable_ipv6; done`;

const STANDARD_FILES = {
  '/etc/passwd': [
    'root:x:0:0:root:/:/bin/sh',
    `_rpc:x:102:65534::${NO_LOGIN}`,
    `statd:x:103:65534::${NO_LOGIN}`,
    `nobody:x:65534:65534::${NO_LOGIN}`,
    '',
  ].join('\n'),
  '/etc/group': 'root:x:0:\ntty:x:5:\nnogroup:x:65534:\n',
  '/etc/hosts': '127.0.0.1 localhost\n::1 localhost\n',
  '/etc/nsswitch.conf':
    'passwd: files\ngroup: files\nhosts: files\nservices: files\nprotocols: files\nrpc: files\n',
};

async function onlyChild(pid: number): Promise<number | undefined> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  return parseDecimal(children.trim().split(' ')[0] ?? '', MAX_PID);
}

async function ready(init: ChildProcess): Promise<void> {
  let stderr = '';
  collect(init.stderr, (text) => {
    stderr += text;
  });
  const refused = once(init, 'close').then(() => {
    throw new Error(`cannot create a sandbox: ${stderr}`);
  });
  refused.catch(() => {});
  if (init.stdout !== null) await Promise.race([once(init.stdout, 'data'), refused]);
}

async function closed(init: ChildProcess): Promise<void> {
  if (init.exitCode !== null || init.signalCode !== null) return;
  const ended = once(init, 'close');
  init.stdin?.end();
  await ended;
}

function collect(stream: Readable | null, take: (text: string) => void): void {
  stream?.setEncoding('utf8').on('data', take);
}
