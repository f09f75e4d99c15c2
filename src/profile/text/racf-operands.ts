// The operands of the RACF commands for general resources: what portreeve uses, refuses, and passes over.
import { type Findings, listed, type Remark, type Span, shown } from '../../text/findings.ts';
import type { TsoItem, TsoWord } from './tso.ts';

/**
 * What becomes of an operand. `refused`: passing over it would let other users in, or keep others out, than RACF does.
 * `idle`: who is permitted does not depend on it here.
 */
type Role = 'used' | 'refused' | 'idle';

/** The operands of a command by their full names. */
type OperandTable = ReadonlyMap<string, Role>;

/** An operand that was given, with its list. */
export interface Operand {
  readonly word: TsoWord;
  readonly items: readonly TsoItem[] | undefined;
}

function table(used: readonly string[], refused: readonly string[], idle: readonly string[]): OperandTable {
  return new Map<string, Role>([
    ...idle.map((name) => [name, 'idle'] as const),
    ...refused.map((name) => [name, 'refused'] as const),
    ...used.map((name) => [name, 'used'] as const),
  ]);
}

const no = (names: readonly string[]): string[] => names.map((name) => `NO${name}`);

const SEGMENTS = [
  ...['CDTINFO', 'CFDEF', 'DLFDATA', 'EIM', 'ICSF', 'ICTX', 'JES', 'KERB', 'MFPOLICY', 'PROXY', 'SESSION'],
  ...['SIGVER', 'SSIGNON', 'STDATA', 'SVFMR', 'TME'],
];
/** What belongs to FROM. */
const COPIED = ['FCLASS', 'FGENERIC', 'FVOLUME'];
/** For commands that another node carries out. */
const ELSEWHERE = ['AT', 'ONLYAT'];
const LABELS = ['ADDCATEGORY', 'SECLABEL', 'SECLEVEL'];
const FIELDS = ['APPLDATA', 'DATA', 'NOTIFY', 'SINGLEDSN', 'TIMEZONE', 'TVTOC', 'WARNING'];
const RESOURCE = ['ADDMEM', 'AUDIT', 'LEVEL', 'OWNER', ...FIELDS, ...SEGMENTS];
const CHANGES = ['DELCATEGORY', 'DELMEM', 'GENERIC', 'GLOBALAUDIT', 'NOSECLABEL', 'NOSECLEVEL'];

export const OPERANDS = {
  RDEFINE: table(['UACC'], ['FROM', ...LABELS, ...ELSEWHERE], [...RESOURCE, ...COPIED]),
  RALTER: table(
    ['UACC'],
    [...LABELS, ...ELSEWHERE],
    [...RESOURCE, ...CHANGES, ...no(FIELDS), ...no(SEGMENTS)],
  ),
  RDELETE: table([], ELSEWHERE, ['NOGENERIC']),
  PERMIT: table(
    ['ACCESS', 'CLASS', 'DELETE', 'ID', 'RESET'],
    ['FROM', 'WHEN', ...ELSEWHERE],
    [...COPIED, 'GENERIC', 'UNIT', 'VOLUME'],
  ),
} as const satisfies Record<string, OperandTable>;

/** Tells what is wrong with one command, and remembers that something is. */
export class Complaints {
  readonly #findings: Findings | undefined;
  #count = 0;

  /** Without findings nothing is told. */
  constructor(findings: Findings | undefined) {
    this.#findings = findings;
  }

  error(span: Span, code: string, message: string, more: Pick<Remark, 'hint' | 'zos'> = {}): void {
    this.#count++;
    this.#findings?.error(span, { code, message, ...more });
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }
}

/** What was read of a command's operands. */
export interface Operands {
  /** The used ones by their full names. */
  readonly used: ReadonlyMap<string, Operand>;
  /** The full names of the idle ones. */
  readonly idle: ReadonlySet<string>;
}

/** Reads keywords, each with the list behind it where there is one. */
export function readOperands(
  items: readonly TsoItem[],
  known: OperandTable,
  complaints: Complaints,
): Operands {
  const used = new Map<string, Operand>();
  const idle = new Set<string>();
  for (let at = 0; at < items.length; at++) {
    const word = items[at];
    if (word?.kind !== 'word') {
      if (word) complaints.error(word, 'SYNTAX', 'a list stands here without an operand in front of it');
      continue;
    }
    const next = items[at + 1];
    const list = next?.kind === 'list' ? next : undefined;
    if (list) at++;
    const name = operandNamed(word, known, complaints);
    if (name === undefined) continue;
    if (known.get(name) === 'refused') refuse(word, name, complaints);
    else if (known.get(name) === 'idle') idle.add(name);
    else if (used.has(name)) {
      complaints.error(word, 'RACF_OPERAND_TWICE', `${name} stands here a second time`);
    } else used.set(name, { word, items: list?.items });
  }
  return { used, idle };
}

/** The keywords that a word, which may be cut off, can stand for; the one that it is, if it is one in full. */
export function keywordsFor<Keyword extends string>(
  word: string,
  keywords: Iterable<Keyword>,
): readonly Keyword[] {
  const typed = word.toUpperCase();
  const fitting: Keyword[] = [];
  for (const keyword of keywords) {
    if (keyword === typed) return [keyword];
    if (keyword.startsWith(typed)) fitting.push(keyword);
  }
  return fitting;
}

/** A keyword can be cut off for as long as no other operand of the command begins with it. */
function operandNamed(word: TsoWord, known: OperandTable, complaints: Complaints): string | undefined {
  const names = word.isQuoted ? [] : keywordsFor(word.text, known.keys());
  if (names.length === 1) return names[0];
  const isUnknown = names.length === 0;
  const message = isUnknown ? 'is no operand of this command' : `could be ${listed(names)}`;
  const legal = [...known].filter(([, role]) => role === 'used').map(([name]) => name);
  const hint = isUnknown && legal.length > 0 ? `It can have ${listed(legal)}.` : '';
  complaints.error(word, 'RACF_OPERAND_UNKNOWN', `${shown(word.text)} ${message}`, { hint });
  return undefined;
}

function refuse(word: TsoWord, name: string, complaints: Complaints): void {
  const message = `${name} is not supported: without it, others would be permitted than this command says`;
  complaints.error(word, 'RACF_OPERAND_REFUSED', message, {
    hint: 'Say with ID and ACCESS who is permitted.',
  });
}
