// The names of statements and parameters: their full spellings and their permitted abbreviations.

/** A keyword as IBM's syntax diagrams print it: the shortest abbreviation is in upper case ("PORTRange"). */
export type Keyword = string;

const LOWER = /[a-z].*$/;

interface Spelling {
  readonly full: string;
  readonly shortest: number;
}

const spellings = new Map<Keyword, Spelling>();

function spellingOf(keyword: Keyword): Spelling {
  let spelling = spellings.get(keyword);
  if (!spelling) {
    spelling = { full: keyword.toUpperCase(), shortest: keyword.replace(LOWER, '').length };
    spellings.set(keyword, spelling);
  }
  return spelling;
}

/** Whether a word, in upper case, is this keyword or a permitted abbreviation of it. */
export function isKeyword(word: string, keyword: Keyword): boolean {
  const { full, shortest } = spellingOf(keyword);
  return word === full || (word.length >= shortest && full.startsWith(word));
}

/** The keyword in full, in upper case. */
export function fullSpelling(keyword: Keyword): string {
  return spellingOf(keyword).full;
}

/** The kind of a statement; SKIPPED does not concern ports. */
type StatementKind =
  | 'PORT'
  | 'PORTRANGE'
  | 'DELETE'
  | 'TCPCONFIG'
  | 'UDPCONFIG'
  | 'GLOBALCONFIG'
  | 'AUTOLOG'
  | 'INCLUDE'
  | 'SKIPPED';

export interface StatementName {
  readonly keyword: Keyword;
  readonly kind: StatementKind;
  /** The word that ends a block. */
  readonly end?: string;
  /** The number of words after the name that are parameters even if they look like statements. */
  readonly parameterCount?: number;
}

const SUPPORTED: readonly StatementName[] = [
  { keyword: 'PORT', kind: 'PORT' },
  { keyword: 'PORTRange', kind: 'PORTRANGE' },
  { keyword: 'DELEte', kind: 'DELETE', parameterCount: 2 },
  { keyword: 'TCPCONFIG', kind: 'TCPCONFIG' },
  { keyword: 'UDPCONFIG', kind: 'UDPCONFIG' },
  { keyword: 'GLOBALCONFig', kind: 'GLOBALCONFIG' },
  { keyword: 'AUTOLOG', kind: 'AUTOLOG', end: 'ENDAUTOLOG' },
  { keyword: 'INCLUDE', kind: 'INCLUDE', parameterCount: 1 },
];

/** Statements of current and older z/OS releases that do not concern ports. */
const BLOCKS: readonly (readonly [name: string, end: string])[] = [
  ['ASSORTEDPARMS', 'ENDASSORTEDPARMS'],
  ['BEGINROUTES', 'ENDROUTES'],
  ['BEGINVTAM', 'ENDVTAM'],
  ['BSDROUTINGPARMS', 'ENDBSDROUTINGPARMS'],
  ['DEFADDRTABLE', 'ENDDEFADDRTABLE'],
  ['INFORM', 'ENDINFORM'],
  ['INTERNALCLIENTPARMS', 'ENDINTERNALCLIENTPARMS'],
  ['IPSEC', 'ENDIPSEC'],
  ['KEEPALIVEOPTIONS', 'ENDKEEPALIVEOPTIONS'],
  ['NETACCESS', 'ENDNETACCESS'],
  ['OBEY', 'ENDOBEY'],
  ['RESTRICT', 'ENDRESTRICT'],
  ['SRCIP', 'ENDSRCIP'],
  ['SYSCONTACT', 'ENDSYSCONTACT'],
  ['SYSLOCATION', 'ENDSYSLOCATION'],
  ['TELNETGLOBALS', 'ENDTELNETGLOBALS'],
  ['TELNETPARMS', 'ENDTELNETPARMS'],
  ['VIPADYNAMIC', 'ENDVIPADYNAMIC'],
];

const SIMPLE: readonly (readonly [keyword: Keyword, parameterCount: number])[] = [
  ['ACBPOOLSIZE', 1],
  ['ADDRESSTRANSLATIONPOOLSIZE', 1],
  ['ARPAGE', 1],
  ['ATMARPSV', 1],
  ['ATMLIS', 1],
  ['ATMPVC', 1],
  ['CCBPOOLSIZE', 1],
  ['CLAWUSEDOUBLENOP', 0],
  ['DATABUFFERPOOLSIZE', 1],
  ['DATASETPREFIX', 1],
  ['DEVice', 2],
  ['ENVELOPEPOOLSIZE', 1],
  ['FILE', 1],
  ['GATEWAY', 0],
  ['HOME', 0],
  ['INTERFace', 2],
  ['IPCONFIG', 0],
  ['IPCONFIG6', 0],
  ['IPROUTEPOOLSIZE', 1],
  ['ITRACE', 1],
  ['LARGEENVELOPEPOOLSIZE', 1],
  ['LESSTRACE', 0],
  ['LINK', 3],
  ['MORETRACE', 0],
  ['NETMONitor', 0],
  ['NOSCREEN', 0],
  ['NOTRACE', 0],
  ['OSAENTA', 0],
  ['PKTTRACE', 0],
  ['PRIMARYINTERFACE', 1],
  ['RCBPOOLSIZE', 1],
  ['SACONFIG', 1],
  ['SCBPOOLSIZE', 1],
  ['SCREEN', 0],
  ['SKCBPOOLSIZE', 1],
  ['SMALLDATABUFFERPOOLSIZE', 1],
  ['SMFCONFIG', 0],
  ['SMFPARMS', 0],
  ['SOMAXCONN', 1],
  ['STARt', 1],
  ['STOP', 1],
  ['TCBPOOLSIZE', 1],
  ['TIMESTAMP', 1],
  ['TINYDATABUFFERPOOLSIZE', 1],
  ['TRACE', 1],
  ['TRANSLATE', 0],
  ['UCBPOOLSIZE', 1],
  ['VIPABACKUP', 1],
  ['VIPADEFINE', 1],
  ['VIPADELETE', 1],
  ['VIPADISTRIBUTE', 1],
  ['VIPARANGE', 1],
  ['VIPAROUTE', 1],
  ['VIPASMPARMS', 0],
];

export const STATEMENT_NAMES: readonly StatementName[] = [
  ...SUPPORTED,
  ...BLOCKS.map(([keyword, end]): StatementName => ({ keyword, kind: 'SKIPPED', end })),
  ...SIMPLE.map(([keyword, parameterCount]): StatementName => ({ keyword, kind: 'SKIPPED', parameterCount })),
];

/** Every spelling of every statement, since each word of a list is checked. */
const BY_SPELLING = new Map<string, StatementName>();
for (const name of STATEMENT_NAMES) {
  const { full, shortest } = spellingOf(name.keyword);
  for (let length = shortest; length <= full.length; length++) {
    const spelling = full.slice(0, length);
    if (!BY_SPELLING.has(spelling)) BY_SPELLING.set(spelling, name);
  }
}
for (const name of STATEMENT_NAMES) BY_SPELLING.set(fullSpelling(name.keyword), name);

/** The statement that a word, in upper case, names. */
export function statementNamed(word: string): StatementName | undefined {
  return BY_SPELLING.get(word);
}
