/** For each code of the doctor scenes that it is told of, and for each of these a twin that it is not told of. */

import type { Code } from '../../../src/doctor/core/findings/checks/all.ts';
import type { Snapshot } from '../../../src/doctor/core/findings/snapshot.ts';
import { CASES_OF_PORTS } from './cases-ports.ts';
import { CASES_OF_PROFILE } from './cases-profile.ts';
import { CASES_OF_RPC } from './cases-rpc.ts';
import { CASES_OF_SETTINGS } from './cases-settings.ts';

export interface DoctorCase {
  /** Why it is told, as half a sentence. */
  readonly what: string;
  readonly fires: Snapshot;
  readonly twin: Snapshot;
}

export type DoctorCases = Partial<Readonly<Record<Code, readonly DoctorCase[]>>>;

export const CASES: Readonly<Record<Code, readonly DoctorCase[]>> = {
  ...CASES_OF_PORTS,
  ...CASES_OF_PROFILE,
  ...CASES_OF_RPC,
  ...CASES_OF_SETTINGS,
};
