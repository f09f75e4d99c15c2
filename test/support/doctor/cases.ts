/** Test cases for each finding code: pairs of snapshots, one with the problem and a similar one without it. */

import type { Code } from '../../../src/doctor/core/findings/checks/all.ts';
import type { Snapshot } from '../../../src/doctor/core/findings/snapshot.ts';
import { CASES_OF_PORTS } from './cases-ports.ts';
import { CASES_OF_PROFILE } from './cases-profile.ts';
import { CASES_OF_RPC } from './cases-rpc.ts';
import { CASES_OF_SETTINGS } from './cases-settings.ts';

export interface DoctorCase {
  /** A clause that completes "is reported when". */
  readonly when: string;
  /** The snapshot for which the finding is reported. */
  readonly faulty: Snapshot;
  readonly clean: Snapshot;
}

export type DoctorCases = Partial<Readonly<Record<Code, readonly DoctorCase[]>>>;

export const CASES: Readonly<Record<Code, readonly DoctorCase[]>> = {
  ...CASES_OF_PORTS,
  ...CASES_OF_PROFILE,
  ...CASES_OF_RPC,
  ...CASES_OF_SETTINGS,
};
