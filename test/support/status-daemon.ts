// A fake daemon that only answers on status.sock.

import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { GuardReport } from '../../src/guard/app/report.ts';
import { STATUS_SOCKET } from '../../src/kit/daemon-names.ts';
import type { DaemonStatus } from '../../src/main/status.ts';
import type { PortmapReport } from '../../src/portmap/app/report.ts';

/** The status of a daemon that has just started, with changes. */
export function daemonStatus(
  portmap: Partial<PortmapReport> = {},
  guard: Partial<GuardReport> = {},
): DaemonStatus {
  return {
    version: '1.2.3',
    pid: 812,
    since: '2026-11-20T10:59:03.000Z',
    runtime: '/run/portreeve',
    portmap: {
      state: 'running',
      pid: 813,
      uid: 60711,
      rssBytes: 44 * 2 ** 20,
      restarts: 0,
      unconfined: [],
      sockets: [],
      absent: [],
      mappings: 12,
      foreign: 0,
      refusals: [],
      connections: 0,
      unsent: 0,
      late: 0,
      calls: {},
      ...portmap,
    },
    guard: { mode: 'absent', revision: null, cgroups: 0, users: 2, unknown: [], missing: [], ...guard },
  };
}

/** Starts it for a user with the XDG_RUNTIME_DIR `home`, and returns that user's environment. */
export async function statusDaemon(
  t: Pick<TestContext, 'after'>,
  home: string,
  portmap: Partial<PortmapReport> = {},
): Promise<{ XDG_RUNTIME_DIR: string }> {
  const runtime = join(home, 'portreeve');
  await mkdir(runtime);
  const server = createServer((request, response) => {
    const isStatus = request.url === '/v1/status';
    response.writeHead(isStatus ? 200 : 404).end(JSON.stringify(isStatus ? daemonStatus(portmap) : {}));
  });
  server.listen(join(runtime, STATUS_SOCKET));
  await once(server, 'listening');
  t.after(() => {
    server.close();
  });
  return { XDG_RUNTIME_DIR: home };
}
