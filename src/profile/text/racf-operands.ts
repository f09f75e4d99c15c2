// The operands of RACF commands for general resources: those that portreeve uses, refuses, and ignores.
import { type Findings, listed, type Remark, type Span, shown } from '../../text/findings.ts';
import type { TsoItem, TsoWord } from './tso.ts';

/**
 * How an operand is treated. `refused`: ignoring it would permit other users than RACF does. `ignored`: it has no
 * effect on who is permitted.
 */
type Role = 'used' | 'refused' | 'ignored';

/** The operands of a command by full name. */
type OperandTable = ReadonlyMap<string, Role>;

/** An operand with its list. */
export interface Operand {
  readonly word: TsoWord;
  readonly items: readonly TsoItem[] | undefined;
}

function table(
  used: readonly string[],
  refused: readonly string[],
  ignored: readonly string[],
): OperandTable {
  return new Map<string, Role>([
    ...ignored.map((name) => [name, 'ignored'] as const),
    ...refused.map((name) => [name, 'refused'] as const),
    ...used.map((name) => [name, 'used'] as const),
  ]);
}

const no = (names: readonly string[]): string[] => names.map((name) => `NO${name}`);

const SEGMENTS = [
  ...['CDTINFO', 'CFDEF', 'DLFDATA', 'EIM', 'ICSF', 'ICTX', 'JES', 'KERB', 'MFPOLICY', 'PROXY', 'SESSION'],
  ...['SIGVER', 'SSIGNON', 'STDATA', 'SVFMR', 'TME'],
];
/** The suboperands of FROM. */
const COPIED = ['FCLASS', 'FGENERIC', 'FVOLUME'];
/** Execute the command on another node. */
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

/** Reports the errors of one command, and records whether there are any. */
export class CommandErrors {
  readonly #findings: Findings | undefined;
  #count = 0;

  /** Without findings, errors are only counted. */
  constructor(findings: Findings | undefined) {
    this.#findings = findings;
  }

  add(span: Span, code: string, message: string, more: Pick<Remark, 'hint' | 'zos'> = {}): void {
    this.#count++;
    this.#findings?.error(span, { code, message, ...more });
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }
}

/** The operands of one command. */
export interface Operands {
  /** By full name. */
  readonly used: ReadonlyMap<string, Operand>;
  /** Full names. */
  readonly ignored: ReadonlySet<string>;
}

/** Reads keywords, each with the list that follows it, if any. */
export function readOperands(
  items: readonly TsoItem[],
  known: OperandTable,
  errors: CommandErrors,
): Operands {
  const used = new Map<string, Operand>();
  const ignored = new Set<string>();
  for (let at = 0; at < items.length; at++) {
    const word = items[at];
    if (word?.kind !== 'word') {
      if (word) errors.add(word, 'SYNTAX', 'this list does not follow an operand');
      continue;
    }
    const next = items[at + 1];
    const list = next?.kind === 'list' ? next : undefined;
    if (list) at++;
    const name = operandNamed(word, known, errors);
    if (name === undefined) continue;
    if (known.get(name) === 'refused') refuse(word, name, errors);
    else if (known.get(name) === 'ignored') ignored.add(name);
    else if (used.has(name)) {
      errors.add(word, 'RACF_OPERAND_TWICE', `${name} is given twice`);
    } else used.set(name, { word, items: list?.items });
  }
  return { used, ignored };
}

/** The keywords that a word can be an abbreviation of; only one if the word is a keyword in full. */
export function keywordsFor<Keyword extends string>(
  word: string,
  keywords: Iterable<Keyword>,
): readonly Keyword[] {
  const typed = word.toUpperCase();
  const candidates: Keyword[] = [];
  for (const keyword of keywords) {
    if (keyword === typed) return [keyword];
    if (keyword.startsWith(typed)) candidates.push(keyword);
  }
  return candidates;
}

/** An abbreviation must be unique among the operands of the command. */
function operandNamed(word: TsoWord, known: OperandTable, errors: CommandErrors): string | undefined {
  const names = word.isQuoted ? [] : keywordsFor(word.text, known.keys());
  if (names.length === 1) return names[0];
  const isUnknown = names.length === 0;
  const message = isUnknown ? 'is not an operand of this command' : `is ambiguous: ${listed(names)}`;
  const legal = [...known].filter(([, role]) => role === 'used').map(([name]) => name);
  const hint = isUnknown && legal.length > 0 ? `Legal operands: ${listed(legal)}.` : '';
  errors.add(word, 'RACF_OPERAND_UNKNOWN', `${shown(word.text)} ${message}`, { hint });
  return undefined;
}

function refuse(word: TsoWord, name: string, errors: CommandErrors): void {
  const message = `${name} is not supported, and ignoring it would change who is permitted`;
  errors.add(word, 'RACF_OPERAND_REFUSED', message, {
    hint: 'State the permitted users with ID and ACCESS.',
  });
}
