// Cgroups that resemble a system unit: users, their service managers and containers can create them.
import { chownSync } from 'node:fs';
import { join } from 'node:path';
import type { JobFixture } from './job-fixture.ts';

/** A directory that root creates and delegates to an ordinary user, and one that the user creates in it. */
interface LookAlike {
  readonly delegated: string;
  readonly created: string;
}

const MANAGER = 'user.slice/user-1000.slice/user@1000.service';

/** Each path contains the name of the unit nginx.service or a similar one. */
export const LOOK_ALIKES: readonly LookAlike[] = [
  { delegated: MANAGER, created: 'nginx.service' },
  { delegated: MANAGER, created: 'app.slice/nginx.service' },
  { delegated: MANAGER, created: 'system.slice/nginx.service' },
  { delegated: MANAGER, created: 'nginx.slice/nginx.socket' },
  { delegated: MANAGER, created: 'app.slice/nginx@1.service' },
  { delegated: MANAGER, created: 'NGINX.service' },
  { delegated: 'user.slice/user-1000.slice/session-1.scope', created: 'nginx.service' },
  { delegated: 'system.slice/docker-0123456789ab.scope', created: 'nginx.service' },
  { delegated: 'system.slice/docker-0123456789ab.scope', created: 'system.slice/nginx.service' },
  { delegated: 'machine.slice/machine-web.scope', created: 'system.slice/nginx.service' },
  { delegated: 'system.slice/other.service', created: 'nginx.service' },
  { delegated: 'system.slice/other.service', created: 'system.slice/system.slice/nginx.service' },
  { delegated: 'system.slice/other.service', created: 'portreeve-job-NGINX-1' },
  { delegated: 'system.slice/nginx\\x2eservice.scope', created: 'nginx.service' },
  { delegated: 'user.slice/user-1000.slice/nginx.scope', created: '..service' },
  { delegated: MANAGER, created: 'app.slice/nginx.service/nginx.service' },
];

/** The files that a delegation gives to the user, relative to the cgroup. */
const DELEGATED_FILES = ['', '/cgroup.procs', '/cgroup.threads', '/cgroup.subtree_control'];

/** Creates one below the cgroup of the fixture, with the owners above; returns the innermost directory. */
export function makeLookAlike({ guard }: JobFixture, { delegated, created }: LookAlike, uid: number): string {
  let at = guard.cgroup;
  for (const name of delegated.split('/')) at = directory(guard, name, at);
  for (const file of DELEGATED_FILES) chownSync(`${at}${file}`, uid, uid);
  for (const name of created.split('/')) {
    at = directory(guard, name, at);
    for (const file of DELEGATED_FILES) chownSync(`${at}${file}`, uid, uid);
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
