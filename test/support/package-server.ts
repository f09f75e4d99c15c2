// Serves the packages in node_modules to npm on loopback, so that an installation can be tested without a network.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import { fileURLToPath } from 'node:url';
import { ROOT } from './files.ts';

const INSTALLED = fileURLToPath(new URL('node_modules/', ROOT));
const TARBALL = '/-/package.tgz';

export interface PackageServer {
  /** The value of npm's --registry. */
  readonly url: string;
  readonly close: () => void;
}

export async function servePackages(): Promise<PackageServer> {
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? '').slice(1);
    if (path.endsWith(TARBALL)) sendTarball(path.slice(0, -TARBALL.length), response);
    else sendMetadata(path, `http://${request.headers.host}`, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return { url: `http://127.0.0.1:${address.port}`, close: () => server.close() };
}

/** Each package has only its installed version; packages for other platforms are missing. */
function sendMetadata(name: string, url: string, response: ServerResponse): void {
  let manifest: { version: string };
  try {
    manifest = JSON.parse(readFileSync(`${INSTALLED}${name}/package.json`, 'utf8'));
  } catch {
    response.writeHead(404).end('{}');
    return;
  }
  const { version } = manifest;
  const versions = { [version]: { ...manifest, dist: { tarball: `${url}/${name}${TARBALL}` } } };
  response.end(JSON.stringify({ name, 'dist-tags': { latest: version }, versions }));
}

function sendTarball(name: string, response: ServerResponse): void {
  const args = [
    '-C',
    `${INSTALLED}${name}`,
    '-cz',
    '--exclude=./node_modules',
    '--transform=s,^\\.,package,',
    '.',
  ];
  spawn('tar', args, { stdio: ['ignore', 'pipe', 'inherit'] }).stdout.pipe(response);
}
