// The settings of the profile commands, from the section [profile] of portreeve.toml and the command line.
import { JOB_SECTION } from '../../job/app/settings.ts';
import { type Section, type Settings, sectionOf } from '../../kit/settings.ts';
import type { ReadingOptions } from './load.ts';

interface ProfileSection {
  /** The default profile, and the default file of RACF commands. */
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

/** The settings of the profile; an option overrides portreeve.toml. */
export interface ProfileSettings {
  /** The default profile. */
  readonly file: string | undefined;
  readonly reading: ReadingOptions;
  /** The file of RACF commands. */
  readonly racf: string | undefined;
  readonly sysname: string;
  readonly tcpname: string;
  readonly omvsJob: string | undefined;
  readonly authportJobs: readonly string[];
  /** The jobs with a section [job.NAME]. */
  readonly ownJobs: readonly string[];
}

interface ProfileRequest {
  /** The values of system symbols by name, SYSNAME among them. */
  readonly symbols: Readonly<Record<string, string>> & { readonly SYSNAME: string };
  readonly zosNames: boolean | undefined;
  readonly racf: string | undefined;
}

/** The default name of the TCP/IP stack, from IBM's samples. */
const TCPNAME = 'TCPIP';

/** The settings that apply to a request. */
export function profileSettings(
  settings: Settings,
  { symbols, zosNames, racf }: ProfileRequest,
): ProfileSettings {
  const profile = sectionOf(settings, PROFILE_SECTION);
  return {
    file: profile.file,
    reading: { zosNames: zosNames ?? profile.zos_names ?? false, symbols },
    racf: racf ?? profile.racf,
    sysname: symbols.SYSNAME,
    tcpname: profile.tcpname ?? TCPNAME,
    omvsJob: profile.omvs_job,
    authportJobs: profile.authport_jobs ?? [],
    ownJobs: Object.keys(sectionOf(settings, JOB_SECTION)),
  };
}
