// The schema of the section [doctor] of portreeve.toml.
import { PATH, PORT, z } from '../../kit/schema.ts';
import { CODES } from '../core/findings/checks/all.ts';

const CODE = 'a code of portreeve doctor, such as LISTENER_EPHEMERAL';
const REASON = 'a text with the reason';

const SUPPRESSION = z.strictObject(
  {
    code: z.enum(CODES, CODE),
    reason: z.string(REASON).regex(/\S/, REASON),
    port: PORT.optional(),
  },
  'a table, { code = "...", reason = "..." }',
);

export const DOCTOR = z.strictObject(
  {
    suppress: z.array(SUPPRESSION, 'a list of tables, { code = "...", reason = "..." }').optional(),
    bpxprm: PATH.optional(),
  },
  'a section, [doctor]',
);
