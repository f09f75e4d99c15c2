/**
 * Brings Debian 12's RPC programs, and others that bind ports, into a cache, without installing anything on the host.
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

/** What the tests start themselves. */
const PROGRAMS =
  'iproute2 netbase netcat-openbsd nfs-common nfs-kernel-server nmap nmap-common rpcbind rstatd rusers rusersd ' +
  'rwall rwalld socat';

/** What those load, and our own client is built from, that a minimal Debian 12 (required packages, apt) may lack. */
const LIBRARIES =
  'libblas3 libbpf1 libbsd0 libcap2 libcom-err2 libdbus-1-3 libelf1 libgssapi-krb5-2 libk5crypto3 ' +
  'libkeyutils1 libkrb5-3 libkrb5support0 liblinear4 liblua5.3-0 libmd0 libmnl0 libnsl2 libnss-extrausers ' +
  'libpcap0.8 libpcre3 libssh2-1 libssl3 libtirpc-common libtirpc-dev libtirpc3 libwrap0 lua-lpeg';

const PACKAGES = `${PROGRAMS} ${LIBRARIES}`.split(' ');

/** The programs that must find all their libraries before the cache counts as complete. */
const CHECKED =
  'exportfs ip nc.openbsd nmap rpc.mountd rpc.rstatd rpc.rusersd rpc.rwalld rpc.statd rpcbind rpcinfo rusers ' +
  'rwall showmount socat';

const SUITE = 'bookworm';
const TRIPLETS: Readonly<Record<string, string>> = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' };
const PROGRAM_DIRS = ['usr/sbin', 'usr/bin', 'sbin', 'bin'];
const APT_MS = 60_000;
const LOCK_WAIT_SECONDS = 200;
/** Long enough that the files of one test run do not each wait for the same dead mirror. */
const REFUSAL_KEPT_MS = 120_000;

export class Peers {
  /** The directory that holds `root`; what is built from the packages goes beside it. */
  readonly cache: string;
  /** What is `/` in the packages. */
  readonly root: string;
  readonly #triplet: string;
  readonly #probe: Probe;

  constructor(cache: string, triplet: string, probe: Probe) {
    this.cache = cache;
    this.root = join(cache, digestOf(PACKAGES.join(' ')));
    this.#triplet = triplet;
    this.#probe = probe;
  }

  /** Whether the peers are here, for `needs`. */
  probe(): Probe {
    return this.#probe;
  }

  /** The file of a program. */
  path(program: string): string {
    const file = PROGRAM_DIRS.map((dir) => join(this.root, dir, program)).find(existsSync);
    if (file === undefined) throw new Error(`no peer is called ${program}`);
    return file;
  }

  libraryDirs(root: string = this.root): string[] {
    const [lib, usrLib] = [join(root, 'lib', this.#triplet), join(root, 'usr/lib', this.#triplet)];
    return [lib, usrLib, join(usrLib, 'blas')];
  }

  /** The environment that the peers need where their `root` is mounted. */
  envAt(root: string): Record<string, string> {
    return {
      PATH: [...PROGRAM_DIRS.map((dir) => join(root, dir)), '/usr/sbin:/usr/bin:/sbin:/bin'].join(':'),
      LD_LIBRARY_PATH: this.libraryDirs(root).join(':'),
      NMAPDIR: join(root, 'usr/share/nmap'),
    };
  }

  /** The environment that the peers need on the host. */
  get env(): Record<string, string> {
    return this.envAt(this.root);
  }
}

let brought: Promise<Peers> | undefined;

/** The peers, from the cache or else from the machine's own Debian mirror; never throws, the probe says why not. */
export function bringPeers(): Promise<Peers> {
  brought ??= bring();
  return brought;
}

async function bring(): Promise<Peers> {
  const suite = await hostSuite();
  const cache = join(cacheHome(), 'portreeve/peers', `${process.arch}-${suite}`);
  const triplet = TRIPLETS[process.arch];
  if (suite !== SUITE || triplet === undefined) {
    const reason = `the peers are Debian 12's (${SUITE}; x64, arm64) and this machine is ${suite} on ${process.arch}`;
    return new Peers(cache, '', { ok: false, reason });
  }
  const peers = new Peers(cache, triplet, { ok: true });
  try {
    if (!existsSync(peers.root)) await withLock(cache, () => fill(peers));
    return peers;
  } catch (error) {
    return new Peers(cache, triplet, {
      ok: false,
      reason: `Debian's peers cannot be had: ${reasonOf(error)}`,
    });
  }
}

/** `root` appears whole or not at all, by a rename: where it is, nothing needs to be asked. */
async function fill(peers: Peers): Promise<void> {
  if (existsSync(peers.root)) return;
  const refusal = join(peers.cache, 'refused');
  const refusedAt = await stat(refusal).then(
    (found) => found.mtimeMs,
    () => 0,
  );
  if (Date.now() - refusedAt < REFUSAL_KEPT_MS) throw new Error(await readFile(refusal, 'utf8'));
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
    await rm(refusal, { force: true });
  } catch (error) {
    await writeFile(refusal, reasonOf(error));
    throw error;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Asks with the host's package lists first: reading them is all that is done with them. */
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

/** The host's settings for fetching (proxies, timeouts), but none of its hooks, which could act on the host. */
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
    if (file === undefined) throw new Error(`the packages have no ${name}`);
    return file;
  });
  const env = { ...process.env, LD_LIBRARY_PATH: peers.libraryDirs(root).join(':') };
  const { stdout } = await run('ldd', files, { env });
  const missing = stdout.match(/\S+(?= => not found)/g);
  if (missing !== null) throw new Error(`no package brings ${[...new Set(missing)].join(', ')}`);
}

/** flock(1) holds the lock as long as its input is open, so that it is free again even if this process is killed. */
async function withLock(cache: string, work: () => Promise<void>): Promise<void> {
  await mkdir(cache, { recursive: true });
  const lock = join(cache, 'lock');
  const holder = spawn('flock', ['-w', `${LOCK_WAIT_SECONDS}`, lock, 'sh', '-c', 'echo held; exec cat'], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const ended = once(holder, 'close');
  try {
    await Promise.race([once(holder.stdout, 'data'), ended]);
    if (holder.exitCode !== null) throw new Error(`${lock} stayed locked for ${LOCK_WAIT_SECONDS} s`);
    await work();
  } finally {
    holder.stdin.end();
    await ended;
  }
}

async function hostSuite(): Promise<string> {
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '');
  return /^VERSION_CODENAME=(\w+)$/m.exec(release)?.[1] ?? 'no Debian';
}

function cacheHome(): string {
  return process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}

/** The first complaint of a failed command: the message of its error would repeat the whole command line. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return `${error}`;
  const stderr = 'stderr' in error && typeof error.stderr === 'string' ? error.stderr.trim() : '';
  return /^E: (.+)$/m.exec(stderr)?.[1] ?? (stderr.split('\n').at(-1) || error.message);
}
