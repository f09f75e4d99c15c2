// The events of whichever guard is in the kernel: recorded in the state directory, and shown on status.sock.

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
import { EVENTS_PATH } from '../app/events-asked.ts';
import type { GuardKernel } from '../app/kernel/kernel.ts';
import type { EventArchive } from '../core/event-archive.ts';
import { JobMemory } from '../core/job-memory.ts';
import { SqliteEventArchive } from '../linux/event-archive.ts';
import { EventFeed } from './event-feed.ts';
import { EventRecording, type EventSource } from './event-recording.ts';
import { KernelEventSource } from './event-source.ts';

/** What it takes. */
interface RecorderDeps {
  readonly host: Pick<Host, 'clock' | 'files' | 'uid'>;
  readonly bpf: Pick<KernelBpf, 'bootNow'>;
  readonly log: Pick<Log, 'warn' | 'error'>;
  /** The state directory. */
  readonly state: string;
  /** Who is which job. */
  readonly jobs: () => Jobs;
  /** The files that say what users are called. */
  readonly users: Pick<Files, 'readText'>;
  /** Is told of a user without a job who was refused. */
  readonly onUnknown: (uid: number) => void;
}

/** Records and shows the guard's events. */
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

  /** What status.sock shows of it. */
  get streams(): Streams {
    return { [EVENTS_PATH]: this.#feed.answer };
  }

  /** From now on it is about this guard. What the one before has refused is recorded first: it must still be open. */
  record(kernel: GuardKernel | undefined, settings: NameContext): void {
    this.#events?.stop();
    this.#events = undefined;
    this.#subject = kernel && { kernel, settings };
    if (this.#isStarted) this.#begin();
  }

  /** Records from now on. */
  start(): void {
    this.#isStarted = true;
    this.#begin();
  }

  /** Where that fails it is said, and the guard goes on as it is. */
  #begin(): void {
    if (!this.#subject) return;
    try {
      const { kernel, settings } = this.#subject;
      this.#events = this.#eventsOf(new KernelEventSource(kernel, this.#deps.bpf), settings);
      this.#events.start();
    } catch (thrown) {
      this.#deps.log.error(`guard: events are not recorded: ${messageOf(thrown)}`);
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
        this.#memory.see(jobs());
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

  /** To be called when jobs may have changed, so that it is known later who was which. */
  see(): void {
    this.#memory.see(this.#deps.jobs());
  }

  /** Records what has happened up to now, and nothing more; the guard must still be open. */
  close(): void {
    this.#events?.stop();
    this.#events = undefined;
    this.#archive.close();
  }
}
