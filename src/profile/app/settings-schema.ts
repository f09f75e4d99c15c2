// The schema of the section [profile] of portreeve.toml.
import { isJob, isJobPattern, PATH, z } from '../../kit/schema.ts';

const TCPNAME =
  'the name of a TCP/IP stack, 1 to 8 of the characters A-Z 0-9 @ # $, not beginning with a digit';
const JOB = 'a job name in upper case, such as OMVS';
const PATTERN = 'a job name in upper case, such as FTPD1, in which * and ? are wildcards';

export const PROFILE = z.strictObject(
  {
    file: PATH.optional(),
    racf: PATH.optional(),
    zos_names: z.boolean('true or false').optional(),
    tcpname: z
      .string(TCPNAME)
      .regex(/^[A-Z@#$][A-Z0-9@#$]{0,7}$/, TCPNAME)
      .optional(),
    omvs_job: z.string(JOB).refine(isJob, JOB).optional(),
    authport_jobs: z.array(z.string(PATTERN).refine(isJobPattern, PATTERN), 'a list of job names').optional(),
  },
  'a section, [profile]',
);
