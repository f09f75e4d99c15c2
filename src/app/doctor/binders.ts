// Who might bind to a port: the one who asks, and root; each with his job.
import { UNKNOWN_JOB } from '../../base/job.ts';
import type { Cgroups, Files } from '../../host/host.ts';
import type { Binder } from '../../services/doctor/permission.ts';
import { jobsOf } from '../../services/guard/jobs.ts';
import { parseProcessStatus } from '../../text/process-status.ts';
import { identityOfUid, type Users } from '../profile/users.ts';
import { jobAt } from './see.ts';

/** <linux/capability.h> */
const CAP_NET_BIND_SERVICE = 10n;
const PROC_MAX_BYTES = 64 * 1024;
const ROOT = 0;

/** Somebody, before any port is asked for. */
export type Somebody = Omit<Binder, 'verdict'>;

/** What tells who asks. */
export interface WhoDoors {
  readonly files: Pick<Files, 'readText'>;
  readonly cgroups: Pick<Cgroups, 'at' | 'marked'> | undefined;
  readonly uid: number;
}

/** The one who runs this process: a server that he starts is what this process is. */
export function whoAsks({ files, cgroups, uid }: WhoDoors, users: Users): Somebody {
  const status = parseProcessStatus(files.readText('/proc/self/status', PROC_MAX_BYTES) ?? '');
  const path = cgroupIn(files.readText('/proc/self/cgroup', PROC_MAX_BYTES) ?? '');
  const { name, gids } = identityOfUid(uid, users);
  return {
    uid,
    user: name,
    job: (path === undefined ? undefined : jobAt(path, cgroups)) ?? jobOfUser(uid, users),
    isCapable: status ? hasCapability(status.capabilities) : uid === ROOT,
    gids: status?.gids ?? gids,
  };
}

/** Root, as whom a server is started by hand. */
export function rootOf(users: Users): Somebody {
  const { name, gids } = identityOfUid(ROOT, users);
  return { uid: ROOT, user: name, job: jobOfUser(ROOT, users), isCapable: true, gids };
}

const hasCapability = (capabilities: bigint) => ((capabilities >> CAP_NET_BIND_SERVICE) & 1n) === 1n;

/** "0::/system.slice/nginx.service" is the line of version 2 (cgroups(7)). */
function cgroupIn(text: string): string | undefined {
  return /^0::(\/.*)$/m.exec(text)?.[1];
}

function jobOfUser(uid: number, { accounts }: Users): string {
  return jobsOf({ cgroups: [], made: [], accounts }).users.get(uid) ?? UNKNOWN_JOB;
}
