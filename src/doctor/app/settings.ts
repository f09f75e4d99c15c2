// The section [doctor] of portreeve.toml: suppressed findings, and a BPXPRMxx member to check.
import type { Section } from '../../kit/settings.ts';
import type { Suppression } from './examine.ts';

interface DoctorSection {
  readonly suppress?: readonly Suppression[] | undefined;
  /** The path of a BPXPRMxx member whose INADDRANY ports the profile must reserve. */
  readonly bpxprm?: string | undefined;
}

export const DOCTOR_SECTION: Section<DoctorSection> = {
  name: 'doctor',
  schema: async () => (await import('./settings-schema.ts')).DOCTOR,
};
