/**
 * The disk images of the virtual machines: those of Debian, built once and kept outside the project, and the project's.
 *
 * They are in PORTREEVE_VM_CACHE, or in portreeve-vm in the XDG cache directory. They are rebuilt when the script that
 * builds them changes, and after two weeks, to get Debian's newer kernel and systemd.
 */

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ROOT } from '../support/files.ts';
import { type Probe, probe } from '../support/probe.ts';

export const KERNELS = ['5.10', '6.1', '6.12', '7'] as const;
export type Kernel = (typeof KERNELS)[number];

/** All kernels, or the one that the environment variable PORTREEVE_VM_KERNEL names. */
export function chosenKernels(): readonly Kernel[] {
  const name = process.env['PORTREEVE_VM_KERNEL'];
  const chosen = KERNELS.filter((kernel) => name === undefined || kernel === name);
  if (chosen.length > 0) return chosen;
  throw new Error(`PORTREEVE_VM_KERNEL is "${name}"; it can be ${KERNELS.join(', ')}`);
}

const MAKER = join(import.meta.dirname, 'image');
const MAKE_MS = 1_200_000;
const IMAGE_MS = 60_000;
const OUTPUT_BYTES_MAX = 16 * 1024 * 1024;
/** The exit code of `make` if Debian's packages cannot be fetched (EX_TEMPFAIL of sysexits.h). */
const NOT_FETCHED = 75;

/** The files of the project in a machine: those of an installation, and the tests. */
const PROJECT = ['bin', 'dist', 'docs', 'man', 'src', 'test', 'package.json'];
/** Packages that only build or check, and the parts of Node that do not run. */
const LEFT_OUT =
  /^node_modules\/(?:@?(?:biomejs|typescript|esbuild|types)(?:\/|$)|node-linux-[^/]*\/(?:include|share)(?:\/|$))/;

/** Whether this host can build and start virtual machines. */
export function vmProbes(): readonly Probe[] {
  const commands = ['qemu-system-x86_64', 'debootstrap', 'mke2fs', 'unshare', 'setpriv', 'flock'];
  return [probe.root(), ...commands.map((name) => probe.command(name))];
}

/** The directory of Debian's images, which are built if missing; or the reason why that is not possible. */
export async function debianImages(): Promise<string | (Probe & { readonly ok: false })> {
  const cache = cacheDirectory();
  await mkdir(cache, { recursive: true, mode: 0o700 });
  const mirrors = await mirrorsHere();
  if (!mirrors)
    return { ok: false, reason: 'needs the sources of Debian 12 and its security updates in apt' };
  const directory = join(cache, await nameOfImages(mirrors));
  const command = ['flock', join(cache, 'lock'), 'sh', join(MAKER, 'make'), directory, ...mirrors];
  try {
    await run(command, MAKE_MS);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === NOT_FETCHED)) throw error;
    const last = 'stderr' in error ? String(error.stderr).trim().split('\n').at(-1) : undefined;
    return { ok: false, reason: `needs Debian's packages from ${mirrors[0]}: ${last}` };
  }
  await utimes(directory, new Date(), new Date());
  return directory;
}

/** The mirrors of packages and security updates: those in the environment, else those of this host's apt. */
async function mirrorsHere(): Promise<readonly [packages: string, security: string] | undefined> {
  const format = '$(RELEASE) $(REPO_URI)';
  const listed = await promisify(execFile)('apt-get', ['indextargets', '--format', format]).then(
    ({ stdout }) => stdout.split('\n').map((line) => line.split(' ')),
    () => [],
  );
  const of = (wanted: string) => listed.find(([release]) => release === wanted)?.[1]?.replace(/\/$/, '');
  const packages = process.env['PORTREEVE_VM_MIRROR'] ?? of('bookworm');
  const security = process.env['PORTREEVE_VM_SECURITY_MIRROR'] ?? of('bookworm-security');
  return packages && security ? [packages, security] : undefined;
}

/** The version of a kernel, or the reason why it is missing. */
export async function kernelOf(
  images: string,
  kernel: Kernel,
): Promise<Probe & { readonly version?: string }> {
  const missing = join(images, kernel, 'missing');
  if (existsSync(missing)) return { ok: false, reason: (await readFile(missing, 'utf8')).trim() };
  return { ok: true, version: (await readFile(join(images, kernel, 'version'), 'utf8')).trim() };
}

/** A directory for the disks of machines, which the caller removes. */
export function diskDirectory(): Promise<string> {
  return mkdtemp(join(cacheDirectory(), `disks-${process.pid}-`));
}

/** Makes a disk with the project as it is built now, with all files owned by root. */
export async function makeProjectImage(file: string): Promise<void> {
  const tree = `${file}.tree`;
  const root = fileURLToPath(ROOT);
  try {
    await mkdir(tree);
    for (const name of [...PROJECT, 'node_modules']) {
      const filter = (path: string) => !LEFT_OUT.test(path.slice(root.length));
      await cp(join(root, name), join(tree, name), { recursive: true, verbatimSymlinks: true, filter });
    }
    for (const folder of ['src', 'test']) await stripTypes(join(tree, folder));
    await run(['chown', '-hR', '0:0', tree], IMAGE_MS);
    await run(
      ['mke2fs', '-q', '-t', 'ext4', '-O', '^has_journal', '-m', '0', '-d', tree, file, '400M'],
      IMAGE_MS,
    );
  } finally {
    await rm(tree, { recursive: true, force: true });
  }
}

/** Strips the types of all files once: in a machine that takes each process seconds. */
async function stripTypes(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (!entry.isFile() || !path.endsWith('.ts')) continue;
    await writeFile(path, stripTypeScriptTypes(await readFile(path, 'utf8')));
  }
}

function cacheDirectory(): string {
  const own = process.env['PORTREEVE_VM_CACHE'];
  if (own) return own;
  return join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'portreeve-vm');
}

/** The name depends on the contents of the files that build the images, and on the mirrors. */
async function nameOfImages(mirrors: readonly string[]): Promise<string> {
  const hash = createHash('sha256').update(mirrors.map((mirror) => `${mirror}\0`).join(''));
  for (const name of (await readdir(MAKER)).sort()) {
    hash.update(`${name}\0`).update(await readFile(join(MAKER, name)));
  }
  return `debian-${hash.digest('hex').slice(0, 16)}`;
}

async function run([file = '', ...args]: readonly string[], timeout: number): Promise<void> {
  const env = { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/sbin` };
  await promisify(execFile)(file, args, { timeout, env, maxBuffer: OUTPUT_BYTES_MAX });
}
