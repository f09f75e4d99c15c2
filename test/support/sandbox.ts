/** A small Linux of its own (network, mount and process namespaces) in which a test runs daemons as root. */

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
/** How many times as long a wait may take: a virtual machine without KVM is slow. */
const SLOWNESS = parseDecimal(process.env['PORTREEVE_TEST_SLOWNESS'] ?? '', SLOWNESS_MAX) ?? 1;
const TIMEOUT_MS = 10_000 * SLOWNESS;
const NAMESPACES = ['--net', '--mount', '--pid', '--fork', '--kill-child'];
/** PID_MAX_LIMIT of include/linux/threads.h. */
const MAX_PID = 2 ** 22;
const NO_LOGIN = '/nonexistent:/usr/sbin/nologin';
/** Where the peers are inside: a user other than root may not be able to enter the cache. */
const PEERS_DIR = '/run/peers';

/**
 * What the first process does before it is ready. It lives on its input: when the test that made it ends, in
 * whatever way, the input closes, it ends, and the kernel ends every process of the world with it.
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
  /** false: no interface has an IPv4 address. */
  readonly ipv4?: boolean;
  /** false: IPv6 is disabled as an administrator does it, by sysctl. */
  readonly ipv6?: boolean;
  /** Files to be written before anything runs, by absolute path. */
  readonly files?: Readonly<Record<string, string>>;
}

export interface RunOptions {
  readonly uid?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  readonly timeout?: number;
}

export interface Outcome {
  /** null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Waits until `condition` gives a value that is neither undefined nor false, and gives it back. */
export async function until<T>(
  what: string,
  condition: () => Promise<T | undefined | false> | T | undefined | false,
  timeout: number = TIMEOUT_MS,
): Promise<T> {
  const deadline = performance.now() + timeout;
  for (;;) {
    const value = await condition();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > deadline) throw new Error(`waited ${timeout} ms in vain: ${what}`);
    await pause(POLL_MS);
  }
}

/** What a promise comes to. Fails if that takes too long: a test of something that does not come must not hang. */
export function inTime<T>(what: string, promise: Promise<T>, timeout: number = TIMEOUT_MS): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`waited ${timeout} ms in vain: ${what}`)), timeout);
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Whether a world can have IPv6, which the host itself need not use. */
export function kernelIpv6(): Probe {
  return existsSync('/proc/net/if_inet6') ? { ok: true } : { ok: false, reason: 'needs a kernel with IPv6' };
}

/** It may have ended by itself since it was looked for. */
function signalIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (thrown) {
    if (!(thrown instanceof Error && 'code' in thrown && thrown.code === 'ESRCH')) throw thrown;
  }
}

/** A process that was started in a world. */
export class Running {
  readonly name: string;
  /** Settles when the process and everything that holds its output have ended. */
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

  /** Its process id as the host counts: nsenter(1) is its parent. Undefined before it is there and after it ended. */
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
      `${this.name} to be there`,
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

  /** Makes a world that ends with the test. */
  static async open(t: Pick<TestContext, 'after'>, options: SandboxOptions = {}): Promise<Sandbox> {
    const { peers } = options;
    const argv = [...NAMESPACES, 'sh', '-c', INIT, 'init', peers?.root ?? ''];
    const init = spawn('unshare', argv, { cwd: '/', stdio: ['pipe', 'pipe', 'pipe'] });
    t.after(() => closed(init));
    await ready(init);
    const pid = await until('the first process', () => onlyChild(init.pid ?? 0));
    const env = peers?.envAt(PEERS_DIR) ?? { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' };
    const sandbox = new Sandbox(init, pid, { ...env, HOME: '/', LC_ALL: 'C' });
    await sandbox.#furnish(options);
    return sandbox;
  }

  /** Runs a command to its end. A timeout is an error, an exit code is not. */
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

  /** Starts a process that goes on until it is stopped or the world is closed. */
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

  /** A file of the world, as the host can reach it. The kernel would follow a link, as /var/run, out to the host. */
  path(file: string): string {
    return join(`/proc/${this.#pid}/root`, file);
  }

  async write(file: string, text: string): Promise<void> {
    // What a process of the host opens there is the host's: its settings are not a test's to change.
    if (file.startsWith('/proc/') || file.startsWith('/sys/')) {
      throw new Error(`${file} would be written on the host; run a command inside the world`);
    }
    await mkdir(dirname(this.path(file)), { recursive: true });
    await writeFile(this.path(file), text);
  }

  read(file: string): Promise<string> {
    return readFile(this.path(file), 'utf8');
  }

  /** Adds an interface that leads nowhere, with an address. */
  async addAddress(cidr: string, name = 'net0'): Promise<void> {
    await this.#must('ip', 'link', 'add', name, 'type', 'veth', 'peer', 'name', `${name}-far`);
    await this.#must('ip', 'link', 'set', `${name}-far`, 'up');
    await this.#must('ip', 'link', 'set', name, 'up');
    await this.#must('ip', 'address', 'add', cidr, 'dev', name, ...(cidr.includes(':') ? ['nodad'] : []));
  }

  /** Ends every process of the world; nothing of it remains. */
  async close(): Promise<void> {
    await closed(this.#init);
  }

  async #must(...argv: string[]): Promise<void> {
    const { code, stderr } = await this.run(argv);
    if (code !== 0) throw new Error(`${argv.join(' ')}: ${stderr}`);
  }

  async #furnish(options: SandboxOptions): Promise<void> {
    // The libraries of the machine are found through this one; nothing else of the host's /etc is seen.
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

/** Explicit both ways: a new network may come with the setting of the host. */
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
  let complaint = '';
  collect(init.stderr, (text) => {
    complaint += text;
  });
  const refused = once(init, 'close').then(() => {
    throw new Error(`no world could be made: ${complaint}`);
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
