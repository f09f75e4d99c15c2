// RACF commands: the profiles of the class SERVAUTH, and who has access to them.
import { Findings, listed, type Span, shown, type TextSource } from '../../text/findings.ts';
import type { Diagnostic, Place } from '../../text/source.ts';
import { idProblem, profileNameProblem } from './racf-names.ts';
import {
  Complaints,
  keywordsFor,
  OPERANDS,
  type Operand,
  type Operands,
  readOperands,
} from './racf-operands.ts';
import { type TsoCommand, type TsoItem, type TsoWord, tsoCommands } from './tso.ts';

/** Access to a resource, from the least to the most. */
export const ACCESS_LEVELS = ['NONE', 'EXECUTE', 'READ', 'UPDATE', 'CONTROL', 'ALTER'] as const;
export type Access = (typeof ACCESS_LEVELS)[number];

/** What every command has. */
interface Written {
  readonly place: Place;
  /** Its words in full, without what has no effect. */
  readonly text: string;
}

/** RDEFINE SERVAUTH: profiles that there are from now on. */
interface DefineCommand extends Written {
  readonly kind: 'RDEFINE';
  /** In capitals, generic characters as they stand. */
  readonly profiles: readonly string[];
  readonly uacc: Access;
}

/** RALTER SERVAUTH: profiles that are changed; `uacc` is undefined where it stays. */
interface AlterCommand extends Written {
  readonly kind: 'RALTER';
  readonly profiles: readonly string[];
  readonly uacc: Access | undefined;
}

/** RDELETE SERVAUTH: profiles that are no more. */
interface RemoveCommand extends Written {
  readonly kind: 'RDELETE';
  readonly profiles: readonly string[];
}

/** PERMIT CLASS(SERVAUTH): the access list of a profile. */
export interface PermitCommand extends Written {
  readonly kind: 'PERMIT';
  readonly profile: string;
  /** The list is emptied first. */
  readonly isReset: boolean;
  /** Names of users and groups in capitals; `*` is everyone who is not in the list. */
  readonly ids: readonly string[];
  /** What they get; undefined takes them off the list (DELETE). */
  readonly access: Access | undefined;
}

export type RacfCommand = DefineCommand | AlterCommand | RemoveCommand | PermitCommand;

/** The commands that count, and what is said about the text. */
export interface RacfText {
  readonly commands: readonly RacfCommand[];
  readonly diagnostics: readonly Diagnostic[];
}

const CLASS = 'SERVAUTH';

type Reader = (command: TsoCommand, findings: Findings) => RacfCommand | undefined;

const READERS: Readonly<Record<string, Reader>> = {
  RDEFINE: (command, findings) => resourceCommand('RDEFINE', command, findings),
  RDEF: (command, findings) => resourceCommand('RDEFINE', command, findings),
  RALTER: (command, findings) => resourceCommand('RALTER', command, findings),
  RALT: (command, findings) => resourceCommand('RALTER', command, findings),
  RDELETE: (command, findings) => resourceCommand('RDELETE', command, findings),
  RDEL: (command, findings) => resourceCommand('RDELETE', command, findings),
  PERMIT: permitCommand,
  PE: permitCommand,
};

const HOST_USERS = 'Users and groups are those of this host.';
const ALWAYS_ON = 'SERVAUTH is always active here, with generic profiles, and needs no refresh.';
const LISTS = 'It only shows what there is.';

/** The other commands of RACF, each with its short form, and why it is passed over. */
const SKIPPED: readonly (readonly [names: string, why: string])[] = [
  ['ADDUSER AU ALTUSER ALU DELUSER DU PASSWORD PW PHRASE RACLINK RACMAP', HOST_USERS],
  ['ADDGROUP AG ALTGROUP ALG DELGROUP DG CONNECT CO REMOVE RE', HOST_USERS],
  ['SETROPTS SETR', ALWAYS_ON],
  ['RLIST RL SEARCH SR LISTUSER LU LISTGRP LG LISTDSD LD DISPLAY HELP H', LISTS],
  ['ADDSD AD ALTDSD ALD DELDSD DD', 'There are no data sets here.'],
  ['BLKUPD RACDCERT RACPRIV RESTART RVARY SET SIGNOFF STOP TARGET', 'It is not about who has access.'],
];
const SKIPPED_WHY: ReadonlyMap<string, string> = new Map(
  SKIPPED.flatMap(([names, why]) => names.split(' ').map((name) => [name, why] as const)),
);

/**
 * Reads a file of RACF commands: RDEFINE, RALTER and RDELETE of SERVAUTH, and PERMIT CLASS(SERVAUTH), with their short
 * forms. A command in which something is wrong is told and left out; the others are read all the same.
 */
export function parseRacf(source: TextSource): RacfText {
  const findings = new Findings(source);
  const commands: RacfCommand[] = [];
  for (const command of tsoCommands(source.text, findings)) {
    const read = readCommand(command, findings);
    if (read) commands.push(read);
  }
  return { commands, diagnostics: findings.diagnostics() };
}

function readCommand(command: TsoCommand, findings: Findings): RacfCommand | undefined {
  const name = command.name.text.toUpperCase();
  const reader = Object.hasOwn(READERS, name) ? READERS[name] : undefined;
  if (reader) return reader(command, findings);
  const why = SKIPPED_WHY.get(name);
  if (why === undefined) {
    findings.error(command.name, {
      code: 'RACF_COMMAND_UNKNOWN',
      message: `${shown(command.name.text)} is no command of RACF`,
      hint: `A command goes on in the next line only behind - or +. ${CLASS} has RDEFINE, RALTER, RDELETE and PERMIT.`,
    });
  } else {
    findings.notice(command.name, {
      code: 'RACF_COMMAND_SKIPPED',
      message: `${name} is passed over`,
      hint: why,
    });
  }
  return undefined;
}

/** RDEFINE, RALTER, RDELETE: a class, profiles, operands. */
function resourceCommand(
  kind: 'RDEFINE' | 'RALTER' | 'RDELETE',
  { name, items }: TsoCommand,
  findings: Findings,
): RacfCommand | undefined {
  const complaints = new Complaints(findings);
  const [className, names, ...rest] = items;
  if (className?.kind !== 'word') {
    const hint = `Such as: ${kind} ${CLASS} EZB.PORTACCESS.*.*.WEB`;
    complaints.error(className ?? name, 'SYNTAX', `${kind} needs a class and the names of profiles`, {
      hint,
    });
    return undefined;
  }
  if (isOtherClass(className, kind, findings)) return undefined;
  const profiles = profileNames(names, className, complaints);
  const operands = readOperands(rest, OPERANDS[kind], complaints);
  const uacc = accessOf('UACC', operands, complaints);
  if (!complaints.isEmpty) return undefined;
  tellIdle(name, operands, findings);
  const place = findings.place(name);
  const text = `${kind} ${CLASS} ${profiles.length === 1 ? profiles[0] : `(${profiles.join(' ')})`}`;
  if (kind === 'RDELETE') return { kind, place, text, profiles };
  if (kind === 'RALTER') return { kind, place, text: uacc ? `${text} UACC(${uacc})` : text, profiles, uacc };
  // Unsaid, it is the default of the class, which for SERVAUTH is NONE.
  const access = uacc ?? 'NONE';
  return { kind, place, text: `${text} UACC(${access})`, profiles, uacc: access };
}

function permitCommand({ name, items }: TsoCommand, findings: Findings): RacfCommand | undefined {
  const complaints = new Complaints(findings);
  const [profile, ...rest] = items;
  if (profile?.kind !== 'word' || rest[0]?.kind === 'list') {
    complaints.error(profile ?? name, 'SYNTAX', 'PERMIT needs the name of one profile in front');
    return undefined;
  }
  if (isOtherPermit(name, rest, findings)) return undefined;
  const [profileName = ''] = profileNames(profile, name, complaints);
  const operands = readOperands(rest, OPERANDS.PERMIT, complaints);
  const resets = resetOf(operands, complaints);
  const change = changeOf(name, operands, complaints);
  if (!complaints.isEmpty) return undefined;
  tellIdle(name, operands, findings);
  const isReset = resets && !conflictsWithDelete(operands, findings);
  const words = ['PERMIT', profileName, `CLASS(${CLASS})`, ...(isReset ? ['RESET'] : []), ...wordsOf(change)];
  return {
    kind: 'PERMIT',
    place: findings.place(name),
    text: words.join(' '),
    profile: profileName,
    isReset,
    ...change,
  };
}

/** Whether PERMIT is about another class; without CLASS it is about a data set. */
function isOtherPermit(name: TsoWord, rest: readonly TsoItem[], findings: Findings): boolean {
  const silent = new Complaints(undefined);
  const operand = readOperands(rest, OPERANDS.PERMIT, silent).used.get('CLASS');
  if (operand) {
    const word = onlyWord('CLASS', operand, new Complaints(findings));
    return !word || isOtherClass(word, 'PERMIT', findings);
  }
  const message = 'PERMIT without CLASS is about a data set, and is passed over';
  findings.warning(name, {
    code: 'RACF_CLASS_SKIPPED',
    message,
    hint: `Write CLASS(${CLASS}) if that is meant.`,
  });
  return true;
}

interface Change {
  readonly ids: readonly string[];
  readonly access: Access | undefined;
}

function wordsOf({ ids, access }: Change): string[] {
  if (ids.length === 0) return [];
  return [`ID(${ids.join(' ')})`, access === undefined ? 'DELETE' : `ACCESS(${access})`];
}

/** Whom PERMIT changes, and how; with neither ACCESS nor DELETE it is ACCESS(READ). */
function changeOf(name: TsoWord, operands: Operands, complaints: Complaints): Change {
  const { used } = operands;
  const id = used.get('ID');
  const remove = used.get('DELETE');
  const ids = id ? idsOf(id, complaints) : [];
  const access = accessOf('ACCESS', operands, complaints);
  if (remove?.items) complaints.error(remove.word, 'RACF_OPERAND_VALUE', 'DELETE has no list');
  if (remove && used.has('ACCESS')) {
    complaints.error(remove.word, 'RACF_OPERAND_VALUE', 'ACCESS and DELETE cannot both be meant');
  }
  if (!id && (!used.has('RESET') || remove || used.has('ACCESS'))) {
    const hint = 'Write ID with users and groups, such as ID(ALICE OPS) or ID(*).';
    complaints.error(name, 'RACF_OPERAND_MISSING', 'PERMIT does not say whom it is about', { hint });
  }
  return { ids, access: remove ? undefined : (access ?? 'READ') };
}

function idsOf({ word, items = [] }: Operand, complaints: Complaints): string[] {
  if (items.length === 0) complaints.error(word, 'RACF_OPERAND_VALUE', 'ID names no one');
  return items.flatMap((item) => {
    const id = item.kind === 'word' && !item.isQuoted ? item.text.toUpperCase() : '';
    const problem = id === '*' ? undefined : idProblem(id);
    if (problem === undefined) return [id];
    const message = `${item.kind === 'word' ? shown(item.text) : 'a list'} is no ID: ${problem}`;
    complaints.error(item, 'RACF_ID_INVALID', message, { hint: 'ID(*) is everyone who is not in the list.' });
    return [];
  });
}

/** Whether RESET empties the list; RESET(WHEN) empties that of conditional access, of which there is none here. */
function resetOf({ used }: Operands, complaints: Complaints): boolean {
  const reset = used.get('RESET');
  if (!reset?.items) return reset !== undefined;
  const word = onlyWord('RESET', reset, complaints);
  if (!word) return false;
  const [which, other] = keywordsFor(word.text, ['ALL', 'STANDARD', 'WHEN']);
  if (which !== undefined && other === undefined) return which !== 'WHEN';
  const message = `${shown(word.text)} cannot be reset`;
  complaints.error(word, 'RACF_OPERAND_VALUE', message, { hint: 'It is ALL, STANDARD or WHEN.' });
  return false;
}

function conflictsWithDelete({ used }: Operands, findings: Findings): boolean {
  const reset = used.get('RESET');
  if (!reset || !used.has('DELETE')) return false;
  const message = 'RESET is passed over, because DELETE says who is taken off the list';
  findings.warning(reset.word, { code: 'RACF_RESET_IGNORED', message, zos: 'ICH06009I' });
  return true;
}

function accessOf(name: 'UACC' | 'ACCESS', { used }: Operands, complaints: Complaints): Access | undefined {
  const operand = used.get(name);
  const word = operand && onlyWord(name, operand, complaints);
  if (!word) return undefined;
  const [level, other] = keywordsFor(word.text, ACCESS_LEVELS);
  if (level !== undefined && other === undefined) return level;
  const hint = `It is one of ${ACCESS_LEVELS.join(', ')}.`;
  complaints.error(word, 'RACF_OPERAND_VALUE', `${shown(word.text)} is no access`, { hint });
  return undefined;
}

/** The word of an operand that has exactly one. */
function onlyWord(name: string, { word, items = [] }: Operand, complaints: Complaints): TsoWord | undefined {
  const [only] = items;
  if (items.length === 1 && only?.kind === 'word' && !only.isQuoted) return only;
  complaints.error(word, 'RACF_OPERAND_VALUE', `${name} needs one word in parentheses`);
  return undefined;
}

/** The names of profiles: a word, or a list of words. */
function profileNames(names: TsoItem | undefined, before: Span, complaints: Complaints): string[] {
  const items = names?.kind === 'list' ? names.items : names ? [names] : [];
  if (items.length === 0) complaints.error(names ?? before, 'SYNTAX', 'the name of a profile is missing');
  return items.flatMap((item) => {
    const isPlain = item.kind === 'word' && !item.isQuoted;
    const name = isPlain ? item.text.toUpperCase() : '';
    const problem = isPlain ? profileNameProblem(name) : 'it is in quotes or parentheses';
    if (problem === undefined) return [name];
    const message = `${item.kind === 'word' ? shown(item.text) : 'a list'} is no name of a profile: ${problem}`;
    complaints.error(item, 'RACF_PROFILE_INVALID', message, { zos: 'IRR16001I' });
    return [];
  });
}

function isOtherClass(word: TsoWord, kind: string, findings: Findings): boolean {
  const name = word.text.toUpperCase();
  if (name === CLASS && !word.isQuoted) return false;
  const message = `${kind} of the class ${shown(name)} is passed over`;
  findings.notice(word, { code: 'RACF_CLASS_SKIPPED', message, hint: `Only ${CLASS} has to do with ports.` });
  return true;
}

function tellIdle(name: TsoWord, { idle }: Operands, findings: Findings): void {
  if (idle.size === 0) return;
  const message = `${listed([...idle])} ${idle.size === 1 ? 'has' : 'have'} no effect here`;
  const hint = idle.has('WARNING') ? 'Who has too little access is refused, and not only warned.' : '';
  findings.notice(name, { code: 'RACF_OPERAND_IDLE', message, hint });
}
