// The sections of portreeve.toml, in the order in which portreeve.toml(5) describes them.
import { DOCTOR_SECTION } from '../doctor/app/settings.ts';
import { GUARD_SECTION } from '../guard/app/settings.ts';
import { JOB_SECTION } from '../job/app/settings.ts';
import type { Section } from '../kit/settings.ts';
import { PORTMAP_SECTION } from '../portmap/app/settings.ts';
import { PROFILE_SECTION } from '../profile/app/settings.ts';

export const SECTIONS: readonly Section[] = [
  PORTMAP_SECTION,
  PROFILE_SECTION,
  GUARD_SECTION,
  DOCTOR_SECTION,
  JOB_SECTION,
];
