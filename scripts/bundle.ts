/** Bundles the compiled program, DIRECTORY/main/program.js with everything it imports: `bundle.ts DIRECTORY`. */

import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { type BuildOptions, build, type Plugin } from 'esbuild';

const [, , directory = ''] = process.argv;

/**
 * koffi's JavaScript takes longer to load than its binary; it adds only checks, deprecated functions, and the choice of
 * the C library. The binary for glibc does not load where that is missing.
 */
const KOFFI = `
const platform = process.platform + '-' + process.arch;
try {
  module.exports = require('@koromix/koffi-' + platform + '/' + platform.replace('-', '_') + '/koffi.node');
} catch {
  module.exports = require('koffi');
}
`;

/** In the bundle every module keeps its own place, so that it finds the files next to it. */
const PLACES: Plugin = {
  name: 'places',
  setup({ onLoad }) {
    onLoad({ filter: /\.js$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8');
      if (!text.includes('import.meta.')) return undefined;
      const at = relative(directory, path);
      const contents = text
        .replaceAll('import.meta.filename', placeOf(at))
        .replaceAll('import.meta.dirname', placeOf(dirname(at)))
        .replaceAll('import.meta.main', 'false');
      return { contents, loader: 'js' };
    });
  },
};

/** A place in the directory of the bundle, as an expression. */
function placeOf(path: string): string {
  return path === '.' ? '__dirname' : `(__dirname + ${JSON.stringify(`/${path}`)})`;
}

/** commander becomes part of the bundle; other packages are loaded only where they are needed. */
const PACKAGES: Plugin = {
  name: 'packages',
  setup({ onLoad, onResolve }) {
    onResolve({ filter: /^koffi$/ }, ({ namespace }) =>
      namespace === 'koffi' ? undefined : { path: 'koffi', namespace: 'koffi' },
    );
    onLoad({ filter: /./, namespace: 'koffi' }, () => ({ contents: KOFFI }));
    // commander loads it to start programs, which none of our commands uses.
    onResolve({ filter: /^node:child_process$/ }, ({ importer }) =>
      importer.includes('/commander/') ? { path: 'child_process', namespace: 'unused' } : undefined,
    );
    onLoad({ filter: /./, namespace: 'unused' }, () => ({ contents: '' }));
    onResolve({ filter: /^[^./]/ }, ({ path, kind }) =>
      kind === 'entry-point' || path === 'commander' ? undefined : { path, external: true },
    );
  },
};

const COMMON: BuildOptions = {
  bundle: true,
  write: false,
  format: 'cjs',
  platform: 'node',
  // In a script that was compiled apart from its modules, import() is experimental.
  supported: { 'dynamic-import': false },
  logLevel: 'warning',
};

/** The code of a bundle. */
async function bundled(options: BuildOptions): Promise<string> {
  const { outputFiles: [file] = [] } = await build({ ...COMMON, ...options });
  const text = file?.text ?? '';
  // It is read as Latin-1, which takes less time than UTF-8.
  if (Buffer.byteLength(text) !== text.length) throw new Error(`${options.entryPoints} is not plain ASCII`);
  return text;
}

const program = await bundled({
  entryPoints: [join(directory, 'main/program.js')],
  plugins: [PLACES, PACKAGES],
  target: 'node24',
  banner: { js: '(function (exports, require, module, __filename, __dirname) {' },
  footer: { js: '})' },
});
const id = createHash('sha256').update(program).digest('hex');
writeFileSync(join(directory, 'portreeve.cjs'), `// ${id}\n${program}`);

// An older Node can also parse it, and print the required version.
const start = await bundled({
  entryPoints: [join(directory, 'start.js')],
  plugins: [PLACES],
  target: 'node12',
});
writeFileSync(join(directory, 'start.cjs'), start);
