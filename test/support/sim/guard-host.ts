// A simulated host with a guard: kernel, archive of applied profiles, and a log of changes to port lists.
import assert from 'node:assert/strict';
import {
  changeGuarded,
  type GuardChoices,
  type GuardDeps,
  settleTrial,
} from '../../../src/guard/app/guard.ts';
import type { PortSettingNote } from '../../../src/guard/core/port-settings.ts';
import { profileAfter, profileInForce } from '../../../src/profile/app/in-force.ts';
import type { NewRevision } from '../../../src/profile/core/archive.ts';
import { FakeNamespaces } from '../fake-namespaces.ts';
import { judged, NOW_MS, PLACE, profileText, webJob } from './guard.ts';
import { SimBpf, type SimBpfKernel } from './kernel-bpf.ts';
import { SimProfileArchive } from './profile-archive.ts';

/** Longer than recording a change, and than any trial of these tests. */
export const LONG_NS = 60_000_000_000n;
export const CHOICES: GuardChoices = {
  pins: PLACE.pins,
  omvsJob: undefined,
  authportJobs: [],
  errno: 'EACCES',
  errnoLow: 'EADDRINUSE',
  cgroup: undefined,
  namespaces: [],
};
/** The note reported for every change of a list. */
export const NOTE: PortSettingNote = {
  severity: 'note',
  code: 'LIST',
  message: '',
  hint: '',
  source: undefined,
};

/** Logs the changes to lists of reserved ports, with the policy in force at that time. */
export class SimGuardHost {
  readonly bpf: SimBpf;
  readonly archive: SimProfileArchive;
  readonly namespaces = new FakeNamespaces();
  readonly done: string[] = [];
  readonly deps: GuardDeps;
  files: Readonly<Record<string, string>> = {};

  constructor(bpf = new SimBpf(), archive = new SimProfileArchive()) {
    this.bpf = bpf;
    this.archive = archive;
    const note = (what: string) => {
      this.done.push(`${what} while ${judged(bpf.kernel)}`);
      return [NOTE];
    };
    this.deps = {
      bpf,
      archive,
      namespaces: this.namespaces,
      files: { readText: (path) => this.files[path] },
      clock: { now: () => NOW_MS },
      jobs: webJob,
      granted: { record: (spans) => void note(`granted ${spans.map(({ first }) => first)}`) },
      assigned: {
        apply: ({ reservations }, { isWholeHost }) =>
          note(`apply ${reservations.map(({ first }) => first)}${isWholeHost ? ' everywhere' : ''}`),
        prepare: (_profile, cookie, path) => note(`prepare ${cookie} ${path}`),
        restore: (home) => note(`restore ${home}`),
      },
    };
  }

  get kernel(): SimBpfKernel {
    return this.bpf.kernel;
  }

  /** Another process on the same host with the same archive. */
  another(): SimGuardHost {
    return new SimGuardHost(new SimBpf(this.kernel), this.archive);
  }

  /** Records the profile of the next revision. Returns the revision number. */
  record(isOnTrial = false, text?: string): number {
    const after = this.archive.heads().length;
    const texts = [{ path: 'profile', text: text ?? profileText(after + 1) }];
    return this.archive.append(revisionOf({ verb: 'apply', texts }), after, isOnTrial);
  }

  readonly recordAgain = (again: number): number =>
    this.archive.append(revisionOf({ verb: 'again', again }), this.archive.heads().length);

  /** Changes to the profile of the next revision. */
  change(trialMs?: number, record = () => this.record(trialMs !== undefined)) {
    const revision = this.archive.heads().length + 1;
    const planned = new SimProfileArchive();
    for (let number = 1; number <= revision; number++) new SimGuardHost(this.bpf, planned).record();
    const inForce = profileAfter(planned, revision);
    return changeGuarded(this.deps, CHOICES, { inForce, revision, trialMs }, record);
  }

  /** Asserts that after all trials have ended and been recorded, the policy in force is that of the archive. */
  assertAgrees(): void {
    this.kernel.now += LONG_NS;
    settleTrial(this.deps, CHOICES, this.recordAgain);
    const [reserved] = profileInForce(this.archive).profile.reservations;
    assert.equal(judged(this.kernel).split(' ')[1], `${reserved?.first}`);
  }
}

function revisionOf(more: Partial<NewRevision>): NewRevision {
  return {
    timeMs: NOW_MS,
    uid: 0,
    user: 'root',
    verb: 'apply',
    again: undefined,
    options: { zosNames: false, symbols: {}, keepGoing: false, tcpname: 'TCPIP' },
    texts: [],
    racf: undefined,
    ...more,
  };
}
