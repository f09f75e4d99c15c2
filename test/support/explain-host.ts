/** A simulated host for the tests of explain, in its default configuration unless changed. */

import type { OpenSocket } from '../../src/base/open-socket.ts';
import type { ExplainDeps } from '../../src/doctor/app/explain.ts';
import type { EventLine } from '../../src/guard/app/events-request.ts';
import { loadIana } from '../../src/names/commands/deps.ts';
import type { OpenSockets } from '../../src/sockets/core/open-sockets.ts';
import { SimFiles } from './sim/files.ts';
import { SimProfileArchive } from './sim/profile-archive.ts';
import { SimSysctls } from './sim/sysctls.ts';

export interface HostOptions extends Partial<ExplainDeps> {
  readonly profile?: string;
  readonly open?: readonly OpenSocket[];
  readonly files?: SimFiles;
}

const FILES = {
  '/etc/passwd': 'root:x:0:0::/:/bin/sh\nalice:x:1000:1000::/:/bin/sh\n',
  '/etc/services': 'http 80/tcp www\ndomain 53/tcp\ndomain 53/udp\n',
};

/** The dependencies of explain, as seen by the user alice. */
export function explainHost({ profile, open = [], ...changes }: HostOptions = {}): ExplainDeps {
  const archive = new SimProfileArchive();
  if (profile !== undefined) {
    archive.append(
      {
        timeMs: 0,
        uid: 0,
        user: 'root',
        verb: 'apply',
        again: undefined,
        options: { zosNames: false, symbols: {}, tcpname: 'TCPIP', keepGoing: false },
        texts: [{ path: 'profile.tcpip', text: profile }],
        racf: undefined,
      },
      0,
    );
  }
  const sockets: OpenSockets = {
    list: ({ protocol, port } = {}) =>
      open.filter((one) => one.protocol === protocol && one.local.port === port),
    owners: () => ({ owners: new Map(), hiddenProcesses: 0 }),
    cgroupPath: () => undefined,
  };
  return {
    uid: 1000,
    ownsNetwork: () => true,
    sockets,
    files: new SimFiles(FILES, 1),
    cgroups: undefined,
    sysctls: new SimSysctls(),
    archive,
    settings: async () => ({ authportJobs: [], omvsJob: undefined, sysname: 'HOST', tcpname: 'TCPIP' }),
    iana: loadIana,
    guard: async () => 'enforce',
    events: async () => [],
    registrations: async () => [],
    ...changes,
  };
}

/** An event of the guard: a refusal of 8080/tcp. */
export function refusal(number: number, changes: Partial<EventLine> = {}): EventLine {
  return {
    number,
    time: new Date(number * 1000).toISOString(),
    kind: 'bind',
    count: 1,
    verdict: 'refused',
    reason: 'RESERVED_FOR_OTHERS',
    job: 'ALICE',
    uid: 1000,
    user: 'alice',
    pid: 77,
    command: 'httpd',
    protocol: 'tcp',
    address: '0.0.0.0',
    port: 8080,
    errno: 'EACCES',
    rule: { file: 'profile.tcpip', line: 1, text: 'PORT 8080 TCP WEB' },
    revision: 1,
    ...changes,
  };
}
