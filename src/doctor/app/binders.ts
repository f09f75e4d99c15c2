// Identifies the users for which explain predicts a bind, the calling user and root: job, groups, and capability.
import { type Job, jobNamed, UNKNOWN_JOB } from '../../base/job.ts';
import type { UnitReader } from '../../job/app/host-units.ts';
import { jobsOf } from '../../job/app/naming.ts';
import { identityOfUid, type Users } from '../../job/app/users.ts';
import { type JobCgroups, jobAt } from '../../sockets/app/read-sockets.ts';
import { parseProcessStatus } from '../../text/process-status.ts';
import type { Binder } from '../core/explain/permission.ts';

/** <linux/capability.h> */
const CAP_NET_BIND_SERVICE = 10n;
const PROC_MAX_BYTES = 64 * 1024;
const ROOT = 0;

/** A user, independent of a port. */
export type BinderIdentity = Omit<Binder, 'verdict'>;

export interface BinderDeps {
  readonly files: UnitReader;
  readonly cgroups: JobCgroups | undefined;
  readonly uid: number;
  /** Whether capabilities of this process are effective in its network namespace (user_namespaces(7)). */
  readonly ownsNetwork: () => boolean;
}

interface Binders {
  /** The calling user: a server started from here would have the credentials of this process. */
  readonly you: BinderIdentity;
  /** The user for a server that is started with sudo(8) or the like. */
  readonly root: BinderIdentity;
}

export function bindersOf({ files, cgroups, uid, ownsNetwork }: BinderDeps, users: Users): Binders {
  const status = parseProcessStatus(files.readText('/proc/self/status', PROC_MAX_BYTES) ?? '');
  const path = cgroupIn(files.readText('/proc/self/cgroup', PROC_MAX_BYTES) ?? '');
  const counts = ownsNetwork();
  const you = accountOf(uid, users);
  const job = path === undefined ? undefined : jobAt(path, { cgroups, files });
  return {
    you: {
      ...you,
      ...(job && jobFields(job)),
      gids: status?.gids ?? you.gids,
      hasBindCapability: counts && (status ? hasCapability(status.capabilities) : uid === ROOT),
    },
    root: {
      ...accountOf(ROOT, users),
      hasBindCapability: counts && (!status || hasCapability(status.bounding)),
    },
  };
}

function accountOf(uid: number, users: Users): Omit<BinderIdentity, 'hasBindCapability'> {
  const { name: user, gids } = identityOfUid(uid, users);
  const jobs = jobsOf({ cgroups: [], made: [], accounts: users.accounts }).users;
  return { uid, user, gids, ...jobFields(jobs.get(uid) ?? jobNamed(UNKNOWN_JOB)) };
}

const jobFields = ({ name, aliases }: Job) => ({ job: name, aliases });

const hasCapability = (capabilities: bigint) => ((capabilities >> CAP_NET_BIND_SERVICE) & 1n) === 1n;

/** The line "0::/system.slice/nginx.service" is that of cgroup version 2 (cgroups(7)). */
function cgroupIn(text: string): string | undefined {
  return /^0::(\/.*)$/m.exec(text)?.[1];
}
