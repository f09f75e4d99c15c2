// Who might bind to a port: the one who asks, and root; each with his job.
import { type Job, jobNamed, UNKNOWN_JOB } from '../../base/job.ts';
import type { UnitReader } from '../../job/app/host-units.ts';
import { jobsOf } from '../../job/app/naming.ts';
import { identityOfUid, type Users } from '../../job/app/users.ts';
import { type JobCgroups, jobAt } from '../../sockets/app/see.ts';
import { parseProcessStatus } from '../../text/process-status.ts';
import type { Binder } from '../core/explain/permission.ts';

/** <linux/capability.h> */
const CAP_NET_BIND_SERVICE = 10n;
const PROC_MAX_BYTES = 64 * 1024;
const ROOT = 0;

/** Somebody, before any port is asked for. */
export type Somebody = Omit<Binder, 'verdict'>;

/** What tells who asks. */
export interface WhoDeps {
  readonly files: UnitReader;
  readonly cgroups: JobCgroups | undefined;
  readonly uid: number;
  /** Whether capabilities of this process count in its network namespace (user_namespaces(7)). */
  readonly ownsNetwork: () => boolean;
}

/** Those who might bind. */
interface Binders {
  /** The one who runs this process: a server that he starts is what this process is. */
  readonly you: Somebody;
  /** As whom he may start one by hand. */
  readonly root: Somebody;
}

/** Who they are, and whether they have the capability. */
export function bindersOf({ files, cgroups, uid, ownsNetwork }: WhoDeps, users: Users): Binders {
  const status = parseProcessStatus(files.readText('/proc/self/status', PROC_MAX_BYTES) ?? '');
  const path = cgroupIn(files.readText('/proc/self/cgroup', PROC_MAX_BYTES) ?? '');
  const counts = ownsNetwork();
  const you = accountOf(uid, users);
  const job = path === undefined ? undefined : jobAt(path, { cgroups, files });
  return {
    you: {
      ...you,
      ...(job && wordsOf(job)),
      gids: status?.gids ?? you.gids,
      isCapable: counts && (status ? hasCapability(status.capabilities) : uid === ROOT),
    },
    root: { ...accountOf(ROOT, users), isCapable: counts && (!status || hasCapability(status.bounding)) },
  };
}

function accountOf(uid: number, users: Users): Omit<Somebody, 'isCapable'> {
  const { name: user, gids } = identityOfUid(uid, users);
  const jobs = jobsOf({ cgroups: [], made: [], accounts: users.accounts }).users;
  return { uid, user, gids, ...wordsOf(jobs.get(uid) ?? jobNamed(UNKNOWN_JOB)) };
}

const wordsOf = ({ name, aliases }: Job) => ({ job: name, aliases });

const hasCapability = (capabilities: bigint) => ((capabilities >> CAP_NET_BIND_SERVICE) & 1n) === 1n;

/** "0::/system.slice/nginx.service" is the line of version 2 (cgroups(7)). */
function cgroupIn(text: string): string | undefined {
  return /^0::(\/.*)$/m.exec(text)?.[1];
}
