// Executes RACF commands in order; the result is the profiles with their access lists.

import type { Finding, Place } from '../../text/source.ts';
import type { Access, PermitCommand, RacfCommand } from '../text/racf.ts';
import type { RuleSource } from './rules.ts';

/** An access level, and the command that granted it. */
export interface Grant {
  readonly access: Access;
  readonly command: RacfCommand;
  readonly source: RuleSource;
}

/** A profile with its access list, by names in upper case; `*` is everyone else. */
export interface SafProfile {
  readonly name: string;
  readonly uacc: Grant;
  readonly entries: ReadonlyMap<string, Grant>;
}

interface MutableProfile extends SafProfile {
  uacc: Grant;
  readonly entries: Map<string, Grant>;
  readonly place: Place;
}

interface SafDatabase {
  readonly profiles: readonly SafProfile[];
  readonly findings: readonly Finding[];
}

/** Executes the commands in order, ignoring profiles for which `isRelevant` is false. */
export function executeCommands(
  commands: readonly RacfCommand[],
  isRelevant: (profile: string) => boolean,
): SafDatabase {
  const profiles = new Map<string, MutableProfile>();
  const findings: Finding[] = [];
  for (const command of commands) {
    const names = command.kind === 'PERMIT' ? [command.profile] : command.profiles;
    for (const name of names) {
      if (isRelevant(name)) executeFor(name, command, profiles, findings);
    }
  }
  return { profiles: [...profiles.values()], findings };
}

function executeFor(
  name: string,
  command: RacfCommand,
  profiles: Map<string, MutableProfile>,
  findings: Finding[],
): void {
  const profile = profiles.get(name);
  const { place } = command;
  const source: RuleSource = { file: place.file, line: place.line, text: command.text };
  if (command.kind === 'RDEFINE') {
    const uacc: Grant = { access: command.uacc, command, source };
    if (profile) findings.push(profileExists(name, command, profile));
    else profiles.set(name, { name, uacc, entries: new Map(), place });
  } else if (!profile) {
    findings.push(profileUnknown(name, command));
  } else if (command.kind === 'RDELETE') {
    profiles.delete(name);
  } else if (command.kind === 'PERMIT') {
    permit(profile, command, source, findings);
  } else if (command.uacc !== undefined) {
    profile.uacc = { access: command.uacc, command, source };
  }
}

function permit(
  { name, entries }: MutableProfile,
  command: PermitCommand,
  source: RuleSource,
  findings: Finding[],
): void {
  const { access, ids, place } = command;
  if (command.isReset) entries.clear();
  const missing: string[] = [];
  for (const id of ids) {
    if (access !== undefined) entries.set(id, { access, command, source });
    else if (!entries.delete(id)) missing.push(id);
  }
  if (missing.length === 0) return;
  const message = `cannot delete ${shortList(missing)} from the access list of ${name}: not in the list`;
  findings.push({
    severity: 'warning',
    code: 'SAF_ID_NOT_LISTED',
    zos: 'ICH06002I',
    message,
    hint: '',
    place,
  });
}

function profileExists(name: string, { place }: RacfCommand, first: MutableProfile): Finding {
  const message = `${name} is already defined; this RDEFINE is ignored`;
  const hint = 'To change a profile, use RALTER; to delete it, use RDELETE.';
  const related = { place: first.place, text: 'it is defined here' };
  return { severity: 'error', code: 'SAF_PROFILE_EXISTS', zos: 'ICH10102I', message, hint, place, related };
}

/** The message number of RALTER is not known. */
const UNKNOWN_PROFILE_MESSAGES: Readonly<Record<string, string>> = {
  PERMIT: 'ICH06004I',
  RDELETE: 'ICH12102I',
};

function profileUnknown(name: string, { kind, place }: RacfCommand): Finding {
  const message = `${kind} names the profile ${name}, which is not defined`;
  const hint = `Define it first: RDEFINE SERVAUTH ${name} UACC(NONE)`;
  const zos = UNKNOWN_PROFILE_MESSAGES[kind];
  return { severity: 'error', code: 'SAF_PROFILE_UNKNOWN', ...(zos ? { zos } : {}), message, hint, place };
}

/** How many names a finding lists. */
const NAMED_MAX = 10;

/** The first names of a list, and how many more there are. */
export function shortList(names: readonly string[]): string {
  const more = names.length - NAMED_MAX;
  return names.slice(0, NAMED_MAX).join(', ') + (more > 0 ? ` and ${more} more` : '');
}
