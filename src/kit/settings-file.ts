// portreeve.toml: decoded strictly, each mistake named with its key, its value and what would be legal.
import { parse, TomlError } from 'smol-toml';
import { z } from 'zod';
import { PortreeveError } from '../base/errors.ts';
import { hasWildcard, jobPatternProblem } from '../base/job.ts';
import { GUARD_NAMESPACES_MAX, UID_MAX } from '../base/limits.ts';
import { closest } from '../base/nearest.ts';
import { PORT_MAX, PORT_MIN } from '../base/port.ts';
import { CODES } from '../doctor/core/findings/checks/all.ts';
import { GUARD_ERRNOS, type GuardErrno } from '../guard/app/guard-errnos.ts';
import { namespacePath } from '../text/namespace.ts';
import { isListenableAddress, isListenablePath, LISTENABLE_PATH } from './listenable.ts';

const ADDRESS =
  'an IP address of this host, such as 192.0.2.7 or ::1, or 0.0.0.0 and :: for all of IPv4 and IPv6';
const PORT = `a number from ${PORT_MIN} to ${PORT_MAX}`;
const UID = `a number from 1 to ${UID_MAX}`;
const PATH = 'an absolute path';
const TCPNAME = 'the name of a TCP/IP stack, 1 to 8 of the characters A-Z 0-9 @ # $, the first no digit';
const TCPNAME_PATTERN = /^[A-Z@#$][A-Z0-9@#$]{0,7}$/;
const JOB = 'a job name in capitals, such as OMVS';
const TAKEN_JOB = 'a job name in capitals, such as WEB, and not RESERVED, AUTHPORT or UNKNOWN';
const USER = 'the name of a user, or a uid';
const GROUP = 'the name of a group, or a gid';
const PATTERN = 'a job name in capitals, such as FTPD1, in which * and ? are wildcards';

const ERRNO = 'the name of an errno: EACCES, EPERM or EADDRINUSE';
const ERRNOS = Object.keys(GUARD_ERRNOS) as readonly GuardErrno[];
const NAMESPACE = 'a name that "ip netns" lists, such as web, or an absolute path';
/** One is the guard's own. */
const NAMESPACES = `a list of at most ${GUARD_NAMESPACES_MAX - 1} network namespaces`;

const isPath = (text: string): boolean => /^\/[^\0]*$/.test(text);
const isNamespace = (text: string): boolean => namespacePath(text) !== undefined;
const isJobPattern = (text: string): boolean => jobPatternProblem(text, false) === undefined;
const isJob = (text: string): boolean => isJobPattern(text) && !hasWildcard(text);

/** Words that stand for no job that somebody could take. */
const NOT_TAKEN: ReadonlySet<string> = new Set(['RESERVED', 'AUTHPORT', 'UNKNOWN']);
const isTakenJob = (text: string): boolean => isJob(text) && text !== '' && !NOT_TAKEN.has(text);

/** Names and numbers of users, or of groups. */
const whom = (what: string) => {
  const name = z.string(what).regex(/^[^:\s]+$/, what);
  const number = z.int(what).min(0, what).max(UID_MAX, what);
  return z.array(z.union([name, number], what), 'a list of names and numbers').optional();
};

const PORTMAP = z.strictObject(
  {
    listen: z.array(z.string(ADDRESS).refine(isListenableAddress, ADDRESS), 'a list of addresses').optional(),
    port: z.int(PORT).min(PORT_MIN, PORT).max(PORT_MAX, PORT).optional(),
    local: z.string(LISTENABLE_PATH).refine(isListenablePath, LISTENABLE_PATH).optional(),
    uid: z.int(UID).min(1, UID).max(UID_MAX, UID).optional(),
  },
  'a section, [portmap]',
);

const PROFILE = z.strictObject(
  {
    file: z.string(PATH).refine(isPath, PATH).optional(),
    racf: z.string(PATH).refine(isPath, PATH).optional(),
    zos_names: z.boolean('true or false').optional(),
    tcpname: z.string(TCPNAME).regex(TCPNAME_PATTERN, TCPNAME).optional(),
    omvs_job: z.string(JOB).refine(isJob, JOB).optional(),
    authport_jobs: z.array(z.string(PATTERN).refine(isJobPattern, PATTERN), 'a list of job names').optional(),
  },
  'a section, [profile]',
);

const GUARD = z.strictObject(
  {
    errno: z.enum(ERRNOS, ERRNO).optional(),
    errno_low: z.enum(ERRNOS, ERRNO).optional(),
    cgroup: z.string(PATH).refine(isPath, PATH).optional(),
    namespaces: z
      .array(z.string(NAMESPACE).refine(isNamespace, NAMESPACE), NAMESPACES)
      .max(GUARD_NAMESPACES_MAX - 1, NAMESPACES)
      .optional(),
  },
  'a section, [guard]',
);

const CODE = 'a code of portreeve doctor, such as LISTENER_EPHEMERAL';
const REASON = 'a text that says why';

const SUPPRESSION = z.strictObject(
  {
    code: z.enum(CODES, CODE),
    reason: z.string(REASON).regex(/\S/, REASON),
    port: z.int(PORT).min(PORT_MIN, PORT).max(PORT_MAX, PORT).optional(),
  },
  'a table, { code = "...", reason = "..." }',
);

const DOCTOR = z.strictObject(
  {
    suppress: z.array(SUPPRESSION, 'a list of tables, { code = "...", reason = "..." }').optional(),
    bpxprm: z.string(PATH).refine(isPath, PATH).optional(),
  },
  'a section, [doctor]',
);

const JOB_SECTION = z.strictObject({ users: whom(USER), groups: whom(GROUP) }, 'a section, [job.NAME]');
const JOBS = z.record(z.string().refine(isTakenJob), JOB_SECTION, {
  error: ({ code }) => (code === 'invalid_key' ? TAKEN_JOB : 'sections, [job.NAME]'),
});

const FILE = z.strictObject({
  portmap: PORTMAP.optional(),
  profile: PROFILE.optional(),
  guard: GUARD.optional(),
  doctor: DOCTOR.optional(),
  job: JOBS.optional(),
});

/** What portreeve.toml can say. */
export type SettingsFile = z.infer<typeof FILE>;

const SECTIONS = {
  portmap: PORTMAP,
  profile: PROFILE,
  guard: GUARD,
  doctor: DOCTOR,
  'job.NAME': JOB_SECTION,
} as const;

/** Every setting, as "section.key". */
export const SETTING_KEYS: readonly string[] = Object.entries(SECTIONS).flatMap(([section, { shape }]) =>
  Object.keys(shape).map((key) => `${section}.${key}`),
);

/** The keys that are known at a place of the file. */
function keysAt([section, name]: readonly PropertyKey[]): string[] {
  if (section === 'portmap' || section === 'profile' || section === 'guard') {
    return Object.keys(SECTIONS[section].shape);
  }
  if (section === 'doctor') return Object.keys((name === undefined ? DOCTOR : SUPPRESSION).shape);
  if (section === 'job' && name !== undefined) return Object.keys(JOB_SECTION.shape);
  return Object.keys(FILE.shape);
}

/** What is wrong, a sentence for each mistake. */
function explain(issue: z.core.$ZodIssue): string[] {
  const path = issue.path.join('.');
  if (issue.code !== 'unrecognized_keys') {
    return [`${path} is ${JSON.stringify(issue.input) ?? 'missing'}; it must be ${issue.message}`];
  }
  return issue.keys.map((key) => {
    const known = closest(key, keysAt(issue.path));
    return `"${path === '' ? key : `${path}.${key}`}" is no setting; did you mean "${known}"?`;
  });
}

/** Reads the text of portreeve.toml. Throws PortreeveError `CONFIG_INVALID` (usage) that names every mistake. */
export function parseSettings(text: string, path: string): SettingsFile {
  const result = FILE.safeParse(parseToml(text, path), { reportInput: true });
  if (result.success) return result.data;
  const mistakes = result.error.issues.flatMap(explain);
  const message = [`${path} is not valid:`, ...mistakes].join('\n  ');
  throw new PortreeveError('CONFIG_INVALID', message, 'The settings: man 5 portreeve.toml', {
    path,
    mistakes: mistakes.length,
  });
}

function parseToml(text: string, path: string): unknown {
  try {
    return parse(text);
  } catch (thrown) {
    if (!(thrown instanceof TomlError)) throw thrown;
    const [reason = ''] = thrown.message.split('\n');
    const message = `${path}, line ${thrown.line}, column ${thrown.column}: ${reason}`;
    throw new PortreeveError('CONFIG_INVALID', message, 'The file is TOML (toml.io).', { path });
  }
}
