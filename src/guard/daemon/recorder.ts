// Records the events of the guard in the kernel in the state directory, and serves them on status.sock.

import { messageOf } from '../../base/errors.ts';
import { UNKNOWN_JOB } from '../../base/job.ts';
import type { Files, Host, KernelBpf } from '../../host/host.ts';
import { errnoName } from '../../host/linux/sys/libc.ts';
import { portreeveGid } from '../../job/app/users.ts';
import type { Jobs } from '../../job/core/jobs.ts';
import type { Log } from '../../kit/log.ts';
import type { Streams } from '../../kit/status-server.ts';
import type { NameContext } from '../../profile/core/literal-names.ts';
import { SqliteProfileArchive } from '../../profile/linux/profile-archive.ts';
import { RevisionRules, UserNames } from '../app/event-explainer.ts';
import { EVENTS_PATH } from '../app/events-request.ts';
import type { GuardKernel } from '../app/kernel/kernel.ts';
import type { EventArchive } from '../core/event-archive.ts';
import { JobMemory } from '../core/job-memory.ts';
import { SqliteEventArchive } from '../linux/event-archive.ts';
import { EventFeed } from './event-feed.ts';
import { EventRecording, type EventSource } from './event-recording.ts';
import { KernelEventSource } from './event-source.ts';

interface RecorderDeps {
  readonly host: Pick<Host, 'clock' | 'files' | 'uid'>;
  readonly bpf: Pick<KernelBpf, 'bootNow'>;
  readonly log: Pick<Log, 'warn' | 'error'>;
  /** The state directory. */
  readonly state: string;
  /** The current jobs. */
  readonly jobs: () => Jobs;
  /** The files with the names of users. */
  readonly users: Pick<Files, 'readText'>;
  /** Called when a user without a job was refused. */
  readonly onUnknown: (uid: number) => void;
}

export class GuardRecorder {
  readonly #deps: RecorderDeps;
  readonly #archive: EventArchive;
  readonly #feed: EventFeed;
  readonly #memory = new JobMemory();
  #subject: { readonly kernel: GuardKernel; readonly settings: NameContext } | undefined;
  #isStarted = false;
  #events: EventRecording | undefined;

  constructor(deps: RecorderDeps) {
    const { files, uid: ownUid } = deps.host;
    this.#deps = deps;
    this.#archive = new SqliteEventArchive(deps.state, { gid: portreeveGid(files) });
    this.#feed = new EventFeed({
      archive: this.#archive,
      maySeeAll: ({ uid, gids }) => {
        const gid = portreeveGid(files);
        return uid === 0 || uid === ownUid || (gid !== undefined && gids.includes(gid));
      },
    });
  }

  get streams(): Streams {
    return { [EVENTS_PATH]: this.#feed.answer };
  }

  /** Switches to another guard. The refusals of the one before are recorded first, so it must still be open. */
  record(kernel: GuardKernel | undefined, settings: NameContext): void {
    this.#events?.stop();
    this.#events = undefined;
    this.#subject = kernel && { kernel, settings };
    if (this.#isStarted) this.#begin();
  }

  start(): void {
    this.#isStarted = true;
    this.#begin();
  }

  /** A failure is logged, and the guard continues. */
  #begin(): void {
    if (!this.#subject) return;
    try {
      const { kernel, settings } = this.#subject;
      this.#events = this.#eventsOf(new KernelEventSource(kernel, this.#deps.bpf), settings);
      this.#events.start();
    } catch (thrown) {
      this.#deps.log.error(`guard: could not record events: ${messageOf(thrown)}`);
    }
  }

  #eventsOf(source: EventSource, settings: NameContext): EventRecording {
    const { host, log, state, jobs, users, onUnknown } = this.#deps;
    const { omvsJob, authportJobs } = settings;
    const rules = new RevisionRules(new SqliteProfileArchive(state), {
      authportJobs,
      ...(omvsJob === undefined ? {} : { omvsJob }),
    });
    const names = new UserNames(users, host.clock);
    return new EventRecording({
      source,
      archive: this.#archive,
      clock: host.clock,
      log,
      jobOf: (cgroup, uid) => {
        this.#memory.observe(jobs());
        const job = this.#memory.jobOf(cgroup, uid);
        if (job.name === UNKNOWN_JOB) onUnknown(uid);
        return job;
      },
      userOf: (uid) => names.of(uid),
      errnoName,
      rulesOf: (revision) => rules.of(revision),
      onRecorded: () => this.#feed.recorded(),
    });
  }

  /** Call when jobs may have changed, so that later events find them. */
  observe(): void {
    this.#memory.observe(this.#deps.jobs());
  }

  /** Records what happened until now, and stops. The guard must still be open. */
  close(): void {
    this.#events?.stop();
    this.#events = undefined;
    this.#archive.close();
  }
}
