// RACF commands carried out one after another: the profiles that there are then, with their access lists.

import type { Finding, Place } from '../../text/source.ts';
import type { Access, PermitCommand, RacfCommand } from '../text/racf.ts';
import type { RuleSource } from './rules.ts';

/** Access, and the command that gave it. */
export interface Grant {
  readonly access: Access;
  readonly command: RacfCommand;
  readonly source: RuleSource;
}

/** A profile with its access list, by names in capitals; `*` is everyone who is not in it. */
export interface SafProfile {
  readonly name: string;
  readonly uacc: Grant;
  readonly entries: ReadonlyMap<string, Grant>;
}

interface Growing extends SafProfile {
  uacc: Grant;
  readonly entries: Map<string, Grant>;
  readonly place: Place;
}

/** What comes of a list of commands. */
interface SafDatabase {
  readonly profiles: readonly SafProfile[];
  readonly findings: readonly Finding[];
}

/** Carries out the commands, in their order, as far as they are about profiles that `concerns` lets through. */
export function carryOut(
  commands: readonly RacfCommand[],
  concerns: (profile: string) => boolean,
): SafDatabase {
  const profiles = new Map<string, Growing>();
  const findings: Finding[] = [];
  for (const command of commands) {
    const names = command.kind === 'PERMIT' ? [command.profile] : command.profiles;
    for (const name of names) {
      if (concerns(name)) carryOutFor(name, command, profiles, findings);
    }
  }
  return { profiles: [...profiles.values()], findings };
}

function carryOutFor(
  name: string,
  command: RacfCommand,
  profiles: Map<string, Growing>,
  findings: Finding[],
): void {
  const profile = profiles.get(name);
  const { place } = command;
  const source: RuleSource = { file: place.file, line: place.line, text: command.text };
  if (command.kind === 'RDEFINE') {
    const uacc: Grant = { access: command.uacc, command, source };
    if (profile) findings.push(twice(name, command, profile));
    else profiles.set(name, { name, uacc, entries: new Map(), place });
  } else if (!profile) {
    findings.push(unknown(name, command));
  } else if (command.kind === 'RDELETE') {
    profiles.delete(name);
  } else if (command.kind === 'PERMIT') {
    permit(profile, command, source, findings);
  } else if (command.uacc !== undefined) {
    profile.uacc = { access: command.uacc, command, source };
  }
}

function permit(
  { name, entries }: Growing,
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
  const message = `${few(missing)} cannot be taken off the list of ${name}: nothing is said of it there`;
  findings.push({
    severity: 'warning',
    code: 'SAF_ID_NOT_LISTED',
    zos: 'ICH06002I',
    message,
    hint: '',
    place,
  });
}

function twice(name: string, { place }: RacfCommand, first: Growing): Finding {
  const message = `${name} is defined a second time; the first definition stays`;
  const hint = 'RALTER changes a profile, RDELETE takes it away.';
  const related = { place: first.place, text: 'it is defined here' };
  return { severity: 'error', code: 'SAF_PROFILE_EXISTS', zos: 'ICH10102I', message, hint, place, related };
}

/** RALTER has a message for it too, whose number is not known here. */
const UNKNOWN_PROFILE_MESSAGES: Readonly<Record<string, string>> = {
  PERMIT: 'ICH06004I',
  RDELETE: 'ICH12102I',
};

function unknown(name: string, { kind, place }: RacfCommand): Finding {
  const message = `${kind} names the profile ${name}, which is not defined`;
  const hint = `A profile is defined by RDEFINE SERVAUTH ${name} UACC(NONE), in front of what changes it.`;
  const zos = UNKNOWN_PROFILE_MESSAGES[kind];
  return { severity: 'error', code: 'SAF_PROFILE_UNKNOWN', ...(zos ? { zos } : {}), message, hint, place };
}

/** The names that one finding lists. */
const NAMED_MAX = 10;

/** The first few of some names, and how many more there are. */
export function few(names: readonly string[]): string {
  const more = names.length - NAMED_MAX;
  return names.slice(0, NAMED_MAX).join(', ') + (more > 0 ? ` and ${more} more` : '');
}
