/** The npm package works where it is installed: its command, its library, its types, its pages. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { publint } from 'publint';
import { ROOT } from './support/files.ts';
import { servePackages } from './support/package-server.ts';
import { needs, probe } from './support/probe.ts';

const TYPESCRIPT = fileURLToPath(new URL('node_modules/typescript/bin/tsc', ROOT));
/** The package's command finds the Node of the tests in PATH. */
const ENV = { ...process.env, PATH: [dirname(process.execPath), process.env['PATH']].join(delimiter) };

async function run(directory: string, file: string, ...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(file, args, { cwd: directory, env: ENV });
  return stdout;
}

/** A consumer that is compiled with every strict option, including the package's declarations. */
const CONSUMER = `
import { Portmap, type PortmapEntry, type Port, RpcClient, RpcError } from 'portreeve';
await using portmap: Portmap = new Portmap({ transport: 'tcp', host: '127.0.0.1', port: 1 }, { timeoutMs: 500 });
const failure: unknown = await portmap.dump().catch((thrown: unknown) => thrown);
const port: Port | undefined = undefined;
const entries: PortmapEntry[] = [];
await using client = new RpcClient({ transport: 'local', path: '/nonexistent' });
if (failure instanceof RpcError) console.log(failure.code, typeof client.call, port, entries.length);
`;
const STRICT = {
  target: 'es2024',
  lib: ['es2024', 'esnext.disposable'],
  module: 'nodenext',
  types: ['node'],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: false,
};

/** The relative links of a page that lead to nothing in the package. */
function brokenLinks(
  directory: string,
  page: string,
  text = readFileSync(join(directory, page), 'utf8'),
): string[] {
  const prose = text.replace(/^```[\s\S]*?^```$|`[^`\n]*`/gm, '');
  return [...prose.matchAll(/\]\(([^)\s#]+)(?:#[^)\s]*)?\)/g)].flatMap(([, target = '']) => {
    if (/^[a-z]+:/.test(target)) return [];
    const path = join(dirname(page), target);
    return existsSync(join(directory, path)) && !path.startsWith('..') ? [] : [`${page} links to ${target}`];
  });
}

describe('the package', () => {
  /** Empty if npm is missing. */
  let directory = '';
  let tarball = '';
  let project = '';

  before(async () => {
    if (!probe.command('npm').ok) return;
    directory = await mkdtemp(join(tmpdir(), 'portreeve-'));
    project = join(directory, 'project');
    await mkdir(project);
    await run(fileURLToPath(ROOT), 'npm', 'pack', '--pack-destination', directory, '--loglevel=error');
    tarball = join(directory, (await readdir(directory)).find((name) => name.endsWith('.tgz')) ?? '');
    const packages = await servePackages();
    try {
      await writeFile(join(project, 'package.json'), '{ "private": true, "type": "module" }');
      const options = ['--registry', packages.url, '--cache', join(directory, 'cache'), '--ignore-scripts'];
      await run(project, 'npm', 'install', ...options, '--loglevel=error', tarball, '@types/node');
    } finally {
      packages.close();
    }
  });
  after(() => rm(directory, { recursive: true, force: true }));

  const inProject = (name: string, check: () => Promise<void>) =>
    test(name, async (t) => {
      if (needs(t, probe.command('npm'))) await check();
    });

  inProject('runs its command', async () => {
    const { version } = JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8'));
    assert.equal(await run(project, 'node_modules/.bin/portreeve', '--version'), `${version}\n`);
    const file = join(project, 'portreeve.toml');
    await writeFile(file, '[portmap]\nport = 111\n');
    assert.equal(
      await run(project, 'node_modules/.bin/portreeve', 'config', 'check', file),
      `${file} is valid\n`,
    );
  });

  inProject('can be imported without a daemon and without root', async () => {
    const script =
      "import { RpcClient, Portmap } from 'portreeve'; console.log(RpcClient.name, Portmap.name)";
    assert.equal(
      await run(project, process.execPath, '--input-type=module', '-e', script),
      'RpcClient Portmap\n',
    );
  });

  inProject('has types with which a strict consumer compiles and runs', async () => {
    await writeFile(join(project, 'consumer.ts'), CONSUMER);
    await writeFile(
      join(project, 'tsconfig.json'),
      JSON.stringify({ compilerOptions: STRICT, files: ['consumer.ts'] }),
    );
    assert.equal(await run(project, process.execPath, TYPESCRIPT, '-p', '.'), '');
    const printed = await run(project, process.execPath, 'consumer.js');
    assert.equal(printed, 'REFUSED function undefined 0\n');
    // A type error is detected.
    await writeFile(join(project, 'consumer.ts'), CONSUMER.replace('port: 1 }', "port: '1' }"));
    await assert.rejects(run(project, process.execPath, TYPESCRIPT, '-p', '.'), ({ stdout }) =>
      /TS2322/.test(stdout),
    );
  });

  inProject('contains the man pages, and neither sources nor tests', async () => {
    const installed = join(project, 'node_modules/portreeve');
    const { man } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
    for (const page of man) assert.ok(existsSync(join(installed, page)), page);
    assert.deepEqual((await readdir(installed)).sort(), [
      'ARCHITECTURE.md',
      'CHANGELOG.md',
      'CONTRIBUTING.md',
      'LICENSE',
      'README.md',
      'SECURITY.md',
      'bin',
      'dist',
      'docs',
      'examples',
      'man',
      'package.json',
    ]);
    const files = await readdir(join(installed, 'dist'), { recursive: true });
    assert.deepEqual(
      files.filter((file) => /\.test\.|(?<!\.d)\.ts$|\.map$|^\.(?!cache)/.test(file)),
      [],
    );
  });

  // Compiled code depends on the Node release, and would not belong to the user who installs the package.
  inProject('has no compiled code', async () => {
    const files = (await run(directory, 'tar', '-tzf', tarball)).split('\n');
    assert.ok(files.includes('package/dist/start.cjs') && files.includes('package/dist/portreeve.cjs'));
    assert.deepEqual(
      files.filter((file) => file.includes('.cache')),
      [],
    );
  });

  inProject('has the declarations of the library, and no others', async () => {
    const dist = join(project, 'node_modules/portreeve/dist');
    const files = (await readdir(dist, { recursive: true })).filter((file) => file.endsWith('.d.ts'));
    assert.ok(files.includes('main/library.d.ts'));
    assert.ok(!files.includes('main.d.ts'));
    // Those that it names have to be there: the strict consumer above reads them all.
    assert.ok(files.length < 50, `${files.length} declarations`);
  });

  inProject('has what its pages link to', async () => {
    const installed = join(project, 'node_modules/portreeve');
    const files = await readdir(installed, { recursive: true });
    const broken = files
      .filter((file) => file.endsWith('.md') && !file.startsWith('node_modules/'))
      .flatMap((page) => brokenLinks(installed, page));
    assert.deepEqual(broken, []);
    assert.deepEqual(brokenLinks(installed, 'README.md', '[a](docs/none.md) [b](../x) [c](docs)'), [
      'README.md links to docs/none.md',
      'README.md links to ../x',
    ]);
  });

  inProject('passes publint', async () => {
    const lint = async (path: string) => {
      const { buffer } = Uint8Array.from(readFileSync(path));
      return (await publint({ pack: { tarball: buffer }, strict: true })).messages;
    };
    assert.deepEqual(await lint(tarball), []);
    // publint detects a package that exports a missing file.
    await writeFile(
      join(directory, 'package.json'),
      '{ "name": "a", "type": "module", "exports": "./none.js" }',
    );
    const { messages } = await publint({ pkgDir: directory, pack: false });
    assert.deepEqual(
      messages.map(({ code }) => code),
      ['FILE_DOES_NOT_EXIST'],
    );
  });
});
