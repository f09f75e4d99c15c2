// The sections [job.NAME] of portreeve.toml: which users may take which job. Root may take any job.
import type { Section } from '../../kit/settings.ts';

/** The sections by job. */
export type JobSections = Readonly<
  Record<
    string,
    {
      /** User names and uids. */
      readonly users?: readonly (string | number)[] | undefined;
      /** Group names and gids. */
      readonly groups?: readonly (string | number)[] | undefined;
    }
  >
>;

export const JOB_SECTION: Section<JobSections> = {
  name: 'job',
  schema: async () => (await import('./settings-schema.ts')).JOBS,
};
