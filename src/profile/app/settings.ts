// The section [profile] of portreeve.toml: what the commands of the profile, and the guard, go by.
import type { Section } from '../../kit/settings.ts';

export interface ProfileSection {
  /** The profile that is taken where no other is named, and the RACF commands that go with it. */
  readonly file?: string | undefined;
  readonly racf?: string | undefined;
  /** Whether job names have at most 8 characters. */
  readonly zos_names?: boolean | undefined;
  /** The name of the TCP/IP stack. */
  readonly tcpname?: string | undefined;
  /** The name that stands for every job. */
  readonly omvs_job?: string | undefined;
  /** Patterns of the jobs that AUTHPORT permits. */
  readonly authport_jobs?: readonly string[] | undefined;
}

export const PROFILE_SECTION: Section<ProfileSection> = {
  name: 'profile',
  schema: async () => (await import('./settings-schema.ts')).PROFILE,
};
