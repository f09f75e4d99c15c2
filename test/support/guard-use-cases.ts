/** A simulated host that can have a guard, with all dependencies of the guard's use cases. */

import { jobNamed, parseJobName } from '../../src/base/job.ts';
import {
  type ChangeDeps,
  type ChangeRequest,
  type ChangeSource,
  type ChangeStep,
  changeProfile,
} from '../../src/guard/app/change-profile.ts';
import { type GuardChoices, guardState, startGuard } from '../../src/guard/app/guard.ts';
import type { InspectDeps } from '../../src/guard/app/inspect.ts';
import { guardSettings } from '../../src/guard/app/settings.ts';
import { HostUsers } from '../../src/job/app/host-users.ts';
import { GUARD_PINS } from '../../src/kit/directories.ts';
import { profileInForce } from '../../src/profile/app/in-force.ts';
import { profileSettings } from '../../src/profile/app/settings.ts';
import { FakeNamespaces } from './fake-namespaces.ts';
import { SimClock } from './sim/clock.ts';
import { SimFiles } from './sim/files.ts';
import { SimBpf, SimBpfKernel } from './sim/kernel-bpf.ts';
import { SimOpenSockets } from './sim/open-sockets.ts';
import { SimProfileArchive } from './sim/profile-archive.ts';
import { SimSysctls } from './sim/sysctls.ts';
import { SimUserArchive, SimUserDatabase } from './sim/users.ts';

export const PROFILE = '/etc/p';
export const CHOICES: GuardChoices = { ...guardSettings({}), pins: GUARD_PINS };
export const SETTINGS = profileSettings(
  {},
  { symbols: { SYSNAME: 'HOST' }, zosNames: false, racf: undefined },
);
export const USUAL_PLACES = { state: undefined, pins: undefined };

const FILES = {
  '/etc/passwd': 'root:x:0:0::/:/bin/sh\nweb:x:1000:1000::/:/bin/sh\n',
  '/etc/group': 'root:x:0:\nweb:x:1000:\n',
  '/proc/sys/net/ipv4/ip_unprivileged_port_start': '1024\n',
};

/** The host as one process sees it. */
export class GuardHostInMemory {
  readonly kernel = new SimBpfKernel();
  readonly bpf = new SimBpf(this.kernel);
  readonly archive = new SimProfileArchive();
  readonly files = new SimFiles(FILES, 1);
  readonly clock = new SimClock();
  readonly sockets = new SimOpenSockets();
  readonly database = new SimUserDatabase();
  readonly userArchive = new SimUserArchive();
  /** When the guard began to enforce, as recorded. */
  enforcingMs: number | undefined;
  readonly steps: ChangeStep[] = [];
  readonly deps: ChangeDeps & InspectDeps;

  constructor(changes: Partial<ChangeDeps & InspectDeps> = {}) {
    const { bpf, archive, files, clock, sockets, database } = this;
    // The number of the simulated kernel's cgroup.
    sockets.addCgroup(1n, '/');
    const users = { files, archive: this.userArchive, database, clock, isUnit: () => false };
    const known = new HostUsers(users);
    this.deps = {
      uid: 0,
      bpf,
      archive,
      clock,
      sockets,
      users,
      cgroups: undefined,
      sysctls: new SimSysctls(),
      files: {
        readBytes: (path, maxBytes) => files.readBytes(path, maxBytes),
        readText: known.readText,
        names: known.names,
      },
      jobs: () => ({ cgroups: new Map(), users: new Map([[1000, jobNamed(parseJobName('WEB'))]]) }),
      namespaces: new FakeNamespaces(),
      granted: { record: () => undefined },
      assigned: { apply: () => [], prepare: () => [], restore: () => [], inspect: () => [] },
      enforcing: {
        since: () => this.enforcingMs,
        mark: (_pins, ms) => {
          this.enforcingMs = ms;
        },
      },
      queryDaemon: async () => ({ mode: 'off' }),
      ...changes,
    };
  }

  /** Changes the profile to a text, or to that of a revision; the steps are kept. */
  change(source: string | ChangeSource, changes: Partial<ChangeRequest> = {}, deps = this.deps) {
    if (typeof source === 'string') this.files.write(PROFILE, source);
    const request: ChangeRequest = {
      source: typeof source === 'string' ? { verb: 'apply', path: PROFILE, racf: undefined } : source,
      places: USUAL_PLACES,
      settings: SETTINGS,
      choices: CHOICES,
      keepGoing: false,
      isExact: false,
      isDryRun: false,
      trialMs: undefined,
      ...changes,
    };
    this.steps.length = 0;
    return changeProfile(deps, request, (step) => void this.steps.push(step));
  }

  /** Enforces the applied profile. */
  enforce(): void {
    startGuard(this.deps, CHOICES, 'enforce');
  }

  /** The revision in force in the kernel; undefined where there is no guard. */
  get inKernel(): number | undefined {
    return guardState(this.deps, CHOICES.pins)?.revision;
  }

  /** The ports that the profile in force reserves, by the archive. */
  get reserved(): number[] {
    return profileInForce(this.archive).profile.reservations.map(({ first }) => first);
  }

  /** Advances the clocks, including that of the kernel. */
  advance(ms: number): void {
    this.clock.advance(ms);
    this.kernel.now += BigInt(ms) * 1_000_000n;
  }
}
