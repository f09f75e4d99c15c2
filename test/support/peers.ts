/**
 * Downloads RPC programs of Debian 12, and others that bind ports, into a cache without installing them on the host.
 */

import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Probe } from './probe.ts';

const run = promisify(execFile);

/** The programs that the tests start. */
const PROGRAMS =
  'iproute2 netbase netcat-openbsd nfs-common nfs-kernel-server nmap nmap-common rpcbind rstatd rusers rusersd ' +
  'rwall rwalld socat';

/** Libraries of these programs and of the test client that a minimal Debian 12 (required packages, apt) may lack. */
const LIBRARIES =
  'libblas3 libbpf1 libbsd0 libcap2 libcom-err2 libdbus-1-3 libelf1 libgssapi-krb5-2 libk5crypto3 ' +
  'libkeyutils1 libkrb5-3 libkrb5support0 liblinear4 liblua5.3-0 libmd0 libmnl0 libnsl2 libnss-extrausers ' +
  'libpcap0.8 libpcre3 libssh2-1 libssl3 libtirpc-common libtirpc-dev libtirpc3 libwrap0 lua-lpeg';

const PACKAGES = `${PROGRAMS} ${LIBRARIES}`.split(' ');

/** The programs whose libraries must be complete. */
const CHECKED =
  'exportfs ip nc.openbsd nmap rpc.mountd rpc.rstatd rpc.rusersd rpc.rwalld rpc.statd rpcbind rpcinfo rusers ' +
  'rwall showmount socat';

const SUITE = 'bookworm';
const TRIPLETS: Readonly<Record<string, string>> = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' };
const PROGRAM_DIRS = ['usr/sbin', 'usr/bin', 'sbin', 'bin'];
const APT_MS = 60_000;
const LOCK_WAIT_SECONDS = 200;
/** A failure is cached, so that the files of one test run do not all wait for the same unreachable mirror. */
const FAILURE_KEPT_MS = 120_000;

export class Peers {
  /** The parent of `root`, also for programs that are compiled with the packages. */
  readonly cache: string;
  /** The root directory of the extracted packages. */
  readonly root: string;
  readonly #triplet: string;
  readonly #probe: Probe;

  constructor(cache: string, triplet: string, probe: Probe) {
    this.cache = cache;
    this.root = join(cache, digestOf(PACKAGES.join(' ')));
    this.#triplet = triplet;
    this.#probe = probe;
  }

  /** Whether the peers are available, for `needs`. */
  probe(): Probe {
    return this.#probe;
  }

  path(program: string): string {
    const file = PROGRAM_DIRS.map((dir) => join(this.root, dir, program)).find(existsSync);
    if (file === undefined) throw new Error(`there is no peer ${program}`);
    return file;
  }

  libraryDirs(root: string = this.root): string[] {
    const [lib, usrLib] = [join(root, 'lib', this.#triplet), join(root, 'usr/lib', this.#triplet)];
    return [lib, usrLib, join(usrLib, 'blas')];
  }

  /** The environment of the peers with their root mounted at `root`. */
  envAt(root: string): Record<string, string> {
    return {
      PATH: [...PROGRAM_DIRS.map((dir) => join(root, dir)), '/usr/sbin:/usr/bin:/sbin:/bin'].join(':'),
      LD_LIBRARY_PATH: this.libraryDirs(root).join(':'),
      NMAPDIR: join(root, 'usr/share/nmap'),
    };
  }

  /** The environment of the peers on the host. */
  get env(): Record<string, string> {
    return this.envAt(this.root);
  }
}

let prepared: Promise<Peers> | undefined;

/** The peers from the cache, or else from the host's Debian mirror. Never rejects; the probe has the reason. */
export function bringPeers(): Promise<Peers> {
  prepared ??= prepare();
  return prepared;
}

async function prepare(): Promise<Peers> {
  const suite = await hostSuite();
  const cache = join(cacheHome(), 'portreeve/peers', `${process.arch}-${suite}`);
  const triplet = TRIPLETS[process.arch];
  if (suite !== SUITE || triplet === undefined) {
    const reason = `the peers need Debian 12 (${SUITE}; x64, arm64); this host is ${suite} on ${process.arch}`;
    return new Peers(cache, '', { ok: false, reason });
  }
  const found = new Peers(cache, triplet, { ok: true });
  try {
    if (!existsSync(found.root)) await withLock(cache, () => fill(found));
    return found;
  } catch (error) {
    return new Peers(cache, triplet, {
      ok: false,
      reason: `cannot download Debian's peers: ${reasonOf(error)}`,
    });
  }
}

/** Creates `root` atomically by a rename, so that an existing one is complete. */
async function fill(peers: Peers): Promise<void> {
  if (existsSync(peers.root)) return;
  const failure = join(peers.cache, 'failed');
  const failedAt = await stat(failure).then(
    (found) => found.mtimeMs,
    () => 0,
  );
  if (Date.now() - failedAt < FAILURE_KEPT_MS) throw new Error(await readFile(failure, 'utf8'));
  const work = join(peers.cache, 'work');
  try {
    await rm(work, { recursive: true, force: true });
    await download(work);
    const root = join(work, 'root');
    for (const name of (await readdir(work)).filter((file) => file.endsWith('.deb'))) {
      await run('dpkg', ['-x', join(work, name), root]);
    }
    await checkLibraries(peers, root);
    await rename(root, peers.root);
    await rm(failure, { force: true });
  } catch (error) {
    await writeFile(failure, reasonOf(error));
    throw error;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Tries the host's package lists first, which are only read. */
async function download(work: string): Promise<void> {
  for (const dir of ['lists/partial', 'archives/partial']) await mkdir(join(work, dir), { recursive: true });
  await writeFile(join(work, 'apt.conf'), await aptConfiguration(work));
  const apt = (...args: string[]) => {
    const env = { ...process.env, APT_CONFIG: join(work, 'apt.conf'), LC_ALL: 'C' };
    return run('apt-get', ['-q', ...args], { cwd: work, env, timeout: APT_MS });
  };
  try {
    await apt('download', ...PACKAGES);
  } catch (first) {
    const lists = `Dir::State::Lists=${join(work, 'lists')}`;
    try {
      await apt('-o', lists, 'update');
      await apt('-o', lists, 'download', ...PACKAGES);
    } catch (second) {
      throw new Error(`${reasonOf(first)}; with fresh package lists: ${reasonOf(second)}`);
    }
  }
}

/** The host's settings for downloads (proxies, timeouts) without its hooks, which could change the host. */
async function aptConfiguration(work: string): Promise<string> {
  const { stdout } = await run('apt-config', ['dump']);
  return [
    'Dir::Etc::Main "/dev/null";',
    'Dir::Etc::Parts "/dev/null";',
    `Dir::Cache "${work}";`,
    `Dir::Log "${work}";`,
    'APT::Sandbox::User "";',
    ...stdout.split('\n').filter((line) => line.startsWith('Acquire::')),
    'Acquire::Retries "1";',
    'Acquire::http::Timeout "20";',
    'Acquire::https::Timeout "20";',
    '',
  ].join('\n');
}

async function checkLibraries(peers: Peers, root: string): Promise<void> {
  const files = CHECKED.split(' ').map((name) => {
    const file = PROGRAM_DIRS.map((dir) => join(root, dir, name)).find(existsSync);
    if (file === undefined) throw new Error(`the packages do not contain ${name}`);
    return file;
  });
  const env = { ...process.env, LD_LIBRARY_PATH: peers.libraryDirs(root).join(':') };
  const { stdout } = await run('ldd', files, { env });
  const missing = stdout.match(/\S+(?= => not found)/g);
  if (missing !== null) throw new Error(`no package contains ${[...new Set(missing)].join(', ')}`);
}

/** flock(1) holds the lock while its input is open, so that it is released even if this process is killed. */
async function withLock(cache: string, work: () => Promise<void>): Promise<void> {
  await mkdir(cache, { recursive: true });
  const lock = join(cache, 'lock');
  const holder = spawn('flock', ['-w', `${LOCK_WAIT_SECONDS}`, lock, 'sh', '-c', 'echo held; exec cat'], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const ended = once(holder, 'close');
  try {
    await Promise.race([once(holder.stdout, 'data'), ended]);
    if (holder.exitCode !== null) throw new Error(`${lock} was still locked after ${LOCK_WAIT_SECONDS} s`);
    await work();
  } finally {
    holder.stdin.end();
    await ended;
  }
}

async function hostSuite(): Promise<string> {
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '');
  return /^VERSION_CODENAME=(\w+)$/m.exec(release)?.[1] ?? 'not Debian';
}

function cacheHome(): string {
  return process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}

/** The first error that a failed command printed; the message of the exception would repeat its command line. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return `${error}`;
  const stderr = 'stderr' in error && typeof error.stderr === 'string' ? error.stderr.trim() : '';
  return /^E: (.+)$/m.exec(stderr)?.[1] ?? (stderr.split('\n').at(-1) || error.message);
}
