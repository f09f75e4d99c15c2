// The sections [job.NAME] of portreeve.toml: who may take which job. Root may take all.
import type { Section } from '../../kit/settings.ts';

/** The sections by the names of their jobs. */
export type JobSections = Readonly<
  Record<
    string,
    {
      /** Names of users, and uids. */
      readonly users?: readonly (string | number)[] | undefined;
      /** Names of groups, and gids. */
      readonly groups?: readonly (string | number)[] | undefined;
    }
  >
>;

export const JOB_SECTION: Section<JobSections> = {
  name: 'job',
  schema: async () => (await import('./settings-schema.ts')).JOBS,
};
