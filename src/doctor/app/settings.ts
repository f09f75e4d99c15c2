// The section [doctor] of portreeve.toml: what the doctor does not report, and what else it reads.
import type { Section } from '../../kit/settings.ts';
import type { Suppression } from './examine.ts';

interface DoctorSection {
  readonly suppress?: readonly Suppression[] | undefined;
  /** A BPXPRMxx, whose INADDRANY ports the profile has to reserve. */
  readonly bpxprm?: string | undefined;
}

export const DOCTOR_SECTION: Section<DoctorSection> = {
  name: 'doctor',
  schema: async () => (await import('./settings-schema.ts')).DOCTOR,
};
