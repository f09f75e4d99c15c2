// Parses RACF commands that define profiles of the class SERVAUTH and their access lists.
import { Findings, listed, type Span, shown, type TextSource } from '../../text/findings.ts';
import type { Diagnostic, Place } from '../../text/source.ts';
import { idProblem, profileNameProblem } from './racf-names.ts';
import {
  CommandErrors,
  keywordsFor,
  OPERANDS,
  type Operand,
  type Operands,
  readOperands,
} from './racf-operands.ts';
import { type TsoCommand, type TsoItem, type TsoWord, tsoCommands } from './tso.ts';

/** Access to a resource, from lowest to highest. */
export const ACCESS_LEVELS = ['NONE', 'EXECUTE', 'READ', 'UPDATE', 'CONTROL', 'ALTER'] as const;
export type Access = (typeof ACCESS_LEVELS)[number];

/** The source of a command. */
interface Written {
  readonly place: Place;
  /** Its words in full, without operands that have no effect. */
  readonly text: string;
}

/** RDEFINE SERVAUTH: defines profiles. */
interface DefineCommand extends Written {
  readonly kind: 'RDEFINE';
  /** In upper case, with generic characters. */
  readonly profiles: readonly string[];
  readonly uacc: Access;
}

/** RALTER SERVAUTH: changes profiles; `uacc` is undefined if it stays. */
interface AlterCommand extends Written {
  readonly kind: 'RALTER';
  readonly profiles: readonly string[];
  readonly uacc: Access | undefined;
}

/** RDELETE SERVAUTH: deletes profiles. */
interface RemoveCommand extends Written {
  readonly kind: 'RDELETE';
  readonly profiles: readonly string[];
}

/** PERMIT CLASS(SERVAUTH): changes the access list of a profile. */
export interface PermitCommand extends Written {
  readonly kind: 'PERMIT';
  readonly profile: string;
  /** RESET: the list is emptied first. */
  readonly isReset: boolean;
  /** Users and groups in upper case; `*` is everyone who is not in the list. */
  readonly ids: readonly string[];
  /** Undefined removes them from the list (DELETE). */
  readonly access: Access | undefined;
}

export type RacfCommand = DefineCommand | AlterCommand | RemoveCommand | PermitCommand;

/** The valid commands of a text, and its diagnostics. */
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
const LISTS = 'It only lists profiles, users or groups.';

/** The other commands of RACF with their short forms, and why they are ignored. */
const SKIPPED: readonly (readonly [names: string, why: string])[] = [
  ['ADDUSER AU ALTUSER ALU DELUSER DU PASSWORD PW PHRASE RACLINK RACMAP', HOST_USERS],
  ['ADDGROUP AG ALTGROUP ALG DELGROUP DG CONNECT CO REMOVE RE', HOST_USERS],
  ['SETROPTS SETR', ALWAYS_ON],
  ['RLIST RL SEARCH SR LISTUSER LU LISTGRP LG LISTDSD LD DISPLAY HELP H', LISTS],
  ['ADDSD AD ALTDSD ALD DELDSD DD', 'There are no data sets here.'],
  ['BLKUPD RACDCERT RACPRIV RESTART RVARY SET SIGNOFF STOP TARGET', 'It does not change access.'],
];
const SKIPPED_WHY: ReadonlyMap<string, string> = new Map(
  SKIPPED.flatMap(([names, why]) => names.split(' ').map((name) => [name, why] as const)),
);

/**
 * Parses a file of RACF commands: RDEFINE, RALTER and RDELETE of SERVAUTH, and PERMIT CLASS(SERVAUTH), with their short
 * forms. A command with an error is reported and skipped.
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
      message: `${shown(command.name.text)} is not a RACF command`,
      hint: `Write RDEFINE, RALTER, RDELETE or PERMIT; end a line with - or + to continue a command.`,
    });
  } else {
    findings.notice(command.name, {
      code: 'RACF_COMMAND_SKIPPED',
      message: `${name} is ignored`,
      hint: why,
    });
  }
  return undefined;
}

/** Parses RDEFINE, RALTER and RDELETE: a class, profiles, operands. */
function resourceCommand(
  kind: 'RDEFINE' | 'RALTER' | 'RDELETE',
  { name, items }: TsoCommand,
  findings: Findings,
): RacfCommand | undefined {
  const errors = new CommandErrors(findings);
  const [className, names, ...rest] = items;
  if (className?.kind !== 'word') {
    const hint = `For example: ${kind} ${CLASS} EZB.PORTACCESS.*.*.WEB`;
    errors.add(className ?? name, 'SYNTAX', `${kind} needs a class and the names of profiles`, {
      hint,
    });
    return undefined;
  }
  if (isOtherClass(className, kind, findings)) return undefined;
  const profiles = profileNames(names, className, errors);
  const operands = readOperands(rest, OPERANDS[kind], errors);
  const uacc = accessOf('UACC', operands, errors);
  if (!errors.isEmpty) return undefined;
  reportIgnored(name, operands, findings);
  const place = findings.place(name);
  const text = `${kind} ${CLASS} ${profiles.length === 1 ? profiles[0] : `(${profiles.join(' ')})`}`;
  if (kind === 'RDELETE') return { kind, place, text, profiles };
  if (kind === 'RALTER') return { kind, place, text: uacc ? `${text} UACC(${uacc})` : text, profiles, uacc };
  // The default of the class SERVAUTH is NONE.
  const access = uacc ?? 'NONE';
  return { kind, place, text: `${text} UACC(${access})`, profiles, uacc: access };
}

function permitCommand({ name, items }: TsoCommand, findings: Findings): RacfCommand | undefined {
  const errors = new CommandErrors(findings);
  const [profile, ...rest] = items;
  if (profile?.kind !== 'word' || rest[0]?.kind === 'list') {
    errors.add(profile ?? name, 'SYNTAX', 'PERMIT needs the name of one profile before its operands');
    return undefined;
  }
  if (isOtherPermit(name, rest, findings)) return undefined;
  const [profileName = ''] = profileNames(profile, name, errors);
  const operands = readOperands(rest, OPERANDS.PERMIT, errors);
  const resets = resetOf(operands, errors);
  const change = changeOf(name, operands, errors);
  if (!errors.isEmpty) return undefined;
  reportIgnored(name, operands, findings);
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

/** Whether PERMIT concerns another class; without CLASS it concerns a data set. */
function isOtherPermit(name: TsoWord, rest: readonly TsoItem[], findings: Findings): boolean {
  const discarded = new CommandErrors(undefined);
  const operand = readOperands(rest, OPERANDS.PERMIT, discarded).used.get('CLASS');
  if (operand) {
    const word = onlyWord('CLASS', operand, new CommandErrors(findings));
    return !word || isOtherClass(word, 'PERMIT', findings);
  }
  const message = 'PERMIT without CLASS is for data sets and is ignored';
  findings.warning(name, {
    code: 'RACF_CLASS_SKIPPED',
    message,
    hint: `To change a profile of ${CLASS}, add CLASS(${CLASS}).`,
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

/** The change of a PERMIT; without ACCESS and DELETE it is ACCESS(READ). */
function changeOf(name: TsoWord, operands: Operands, errors: CommandErrors): Change {
  const { used } = operands;
  const id = used.get('ID');
  const remove = used.get('DELETE');
  const ids = id ? idsOf(id, errors) : [];
  const access = accessOf('ACCESS', operands, errors);
  if (remove?.items) errors.add(remove.word, 'RACF_OPERAND_VALUE', 'DELETE has no list');
  if (remove && used.has('ACCESS')) {
    errors.add(remove.word, 'RACF_OPERAND_VALUE', 'ACCESS and DELETE exclude each other');
  }
  if (!id && (!used.has('RESET') || remove || used.has('ACCESS'))) {
    const hint = 'Write ID with users and groups, such as ID(ALICE OPS) or ID(*).';
    errors.add(name, 'RACF_OPERAND_MISSING', 'PERMIT needs ID', { hint });
  }
  return { ids, access: remove ? undefined : (access ?? 'READ') };
}

function idsOf({ word, items = [] }: Operand, errors: CommandErrors): string[] {
  if (items.length === 0) errors.add(word, 'RACF_OPERAND_VALUE', 'ID is empty');
  return items.flatMap((item) => {
    const id = item.kind === 'word' && !item.isQuoted ? item.text.toUpperCase() : '';
    const problem = id === '*' ? undefined : idProblem(id);
    if (problem === undefined) return [id];
    const message = `${item.kind === 'word' ? shown(item.text) : 'a list'} is not a valid ID: ${problem}`;
    errors.add(item, 'RACF_ID_INVALID', message, { hint: 'ID(*) is everyone who is not in the list.' });
    return [];
  });
}

/** Whether RESET empties the list; RESET(WHEN) empties the conditional access list, which does not exist here. */
function resetOf({ used }: Operands, errors: CommandErrors): boolean {
  const reset = used.get('RESET');
  if (!reset?.items) return reset !== undefined;
  const word = onlyWord('RESET', reset, errors);
  if (!word) return false;
  const [which, ambiguous] = keywordsFor(word.text, ['ALL', 'STANDARD', 'WHEN']);
  if (which !== undefined && ambiguous === undefined) return which !== 'WHEN';
  const message = `${shown(word.text)} is not a value of RESET`;
  errors.add(word, 'RACF_OPERAND_VALUE', message, { hint: 'Write ALL, STANDARD or WHEN.' });
  return false;
}

function conflictsWithDelete({ used }: Operands, findings: Findings): boolean {
  const reset = used.get('RESET');
  if (!reset || !used.has('DELETE')) return false;
  const message = 'RESET is ignored, because DELETE is given';
  findings.warning(reset.word, { code: 'RACF_RESET_IGNORED', message, zos: 'ICH06009I' });
  return true;
}

function accessOf(name: 'UACC' | 'ACCESS', { used }: Operands, errors: CommandErrors): Access | undefined {
  const operand = used.get(name);
  const word = operand && onlyWord(name, operand, errors);
  if (!word) return undefined;
  const [level, ambiguous] = keywordsFor(word.text, ACCESS_LEVELS);
  if (level !== undefined && ambiguous === undefined) return level;
  const hint = `Write one of ${ACCESS_LEVELS.join(', ')}.`;
  errors.add(word, 'RACF_OPERAND_VALUE', `${shown(word.text)} is not an access level`, { hint });
  return undefined;
}

/** The only word of an operand; an error if there is not exactly one. */
function onlyWord(name: string, { word, items = [] }: Operand, errors: CommandErrors): TsoWord | undefined {
  const [only] = items;
  if (items.length === 1 && only?.kind === 'word' && !only.isQuoted) return only;
  errors.add(word, 'RACF_OPERAND_VALUE', `${name} needs one word in parentheses`);
  return undefined;
}

/** The names of profiles: a word, or a list of words. */
function profileNames(names: TsoItem | undefined, before: Span, errors: CommandErrors): string[] {
  const items = names?.kind === 'list' ? names.items : names ? [names] : [];
  if (items.length === 0) errors.add(names ?? before, 'SYNTAX', 'the name of a profile is missing');
  return items.flatMap((item) => {
    const isPlain = item.kind === 'word' && !item.isQuoted;
    const name = isPlain ? item.text.toUpperCase() : '';
    const problem = isPlain ? profileNameProblem(name) : 'it is in quotes or parentheses';
    if (problem === undefined) return [name];
    const message = `${item.kind === 'word' ? shown(item.text) : 'a list'} is not a profile name: ${problem}`;
    errors.add(item, 'RACF_PROFILE_INVALID', message, { zos: 'IRR16001I' });
    return [];
  });
}

function isOtherClass(word: TsoWord, kind: string, findings: Findings): boolean {
  const name = word.text.toUpperCase();
  if (name === CLASS && !word.isQuoted) return false;
  const message = `${kind} of the class ${shown(name)} is ignored`;
  findings.notice(word, { code: 'RACF_CLASS_SKIPPED', message, hint: `Only ${CLASS} concerns ports.` });
  return true;
}

function reportIgnored(name: TsoWord, { ignored }: Operands, findings: Findings): void {
  if (ignored.size === 0) return;
  const message = `${listed([...ignored])} ${ignored.size === 1 ? 'has' : 'have'} no effect here`;
  const hint = ignored.has('WARNING') ? 'Users without access are denied, not only warned.' : '';
  findings.notice(name, { code: 'RACF_OPERAND_IDLE', message, hint });
}
