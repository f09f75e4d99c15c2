// Cgroups that look like a system unit and are none: what users, their managers and containers can make.
import { chownSync } from 'node:fs';
import { join } from 'node:path';
import type { JobFixture } from './job-fixture.ts';

/** The directories that root has made, and below them those that an ordinary user makes in what was given to him. */
interface LookAlike {
  readonly given: string;
  readonly made: string;
}

const MANAGER = 'user.slice/user-1000.slice/user@1000.service';

/** Each with the name of the unit nginx.service somewhere in it, or something like it. */
export const LOOK_ALIKES: readonly LookAlike[] = [
  { given: MANAGER, made: 'nginx.service' },
  { given: MANAGER, made: 'app.slice/nginx.service' },
  { given: MANAGER, made: 'system.slice/nginx.service' },
  { given: MANAGER, made: 'nginx.slice/nginx.socket' },
  { given: MANAGER, made: 'app.slice/nginx@1.service' },
  { given: MANAGER, made: 'NGINX.service' },
  { given: 'user.slice/user-1000.slice/session-1.scope', made: 'nginx.service' },
  { given: 'system.slice/docker-0123456789ab.scope', made: 'nginx.service' },
  { given: 'system.slice/docker-0123456789ab.scope', made: 'system.slice/nginx.service' },
  { given: 'machine.slice/machine-web.scope', made: 'system.slice/nginx.service' },
  { given: 'system.slice/other.service', made: 'nginx.service' },
  { given: 'system.slice/other.service', made: 'system.slice/system.slice/nginx.service' },
  { given: 'system.slice/other.service', made: 'portreeve-job-NGINX-1' },
  { given: 'system.slice/nginx\\x2eservice.scope', made: 'nginx.service' },
  { given: 'user.slice/user-1000.slice/nginx.scope', made: '..service' },
  { given: MANAGER, made: 'app.slice/nginx.service/nginx.service' },
];

/** Those of the user's own making that a process can be in. */
const OWN = ['', '/cgroup.procs', '/cgroup.threads', '/cgroup.subtree_control'];

/** Makes one below the root of the stage, as root and the user would; gives the directory of the innermost. */
export function makeLookAlike({ guard }: JobFixture, { given, made }: LookAlike, uid: number): string {
  let at = guard.cgroup;
  for (const name of given.split('/')) at = directory(guard, name, at);
  for (const file of OWN) chownSync(`${at}${file}`, uid, uid);
  for (const name of made.split('/')) {
    at = directory(guard, name, at);
    for (const file of OWN) chownSync(`${at}${file}`, uid, uid);
  }
  return at;
}

function directory(guard: JobFixture['guard'], name: string, parent: string): string {
  try {
    return guard.below(name, parent);
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'EEXIST') return join(parent, name);
    throw thrown;
  }
}
