/** Random texts built from the words of the profile grammar, most of them with mutations. */

import { readdirSync, readFileSync } from 'node:fs';
import { fullSpelling, STATEMENT_NAMES } from '../../src/profile/text/keywords.ts';
import { ROOT } from './files.ts';
import { SimRandom } from './sim/random.ts';

const NUMBERS = `0 1 2 5 21 80 443 1023 1024 8080 65534 65535 65536 00080 4294967296 99999999999 -1 0x50 1e3
  80-90 ８０`;
const JOBS =
  'WEB WEB WEB1 web a.b_c-d ADM@SRV $X #Y OMVS INTCLIEN RESERVED AUTHPORT UNKNOWN * * WEB* W?B ?* ** *A* ABCDEFGHI';
const OPTIONS = `NOAUTOLOG NOAUTOL DELAYACKS DELAYA NODELAYACKS SHAREPORT SHAREP SHAREPORTWLM BIND SAF SMC NOSMC
  DENY WHENLISTEN WHENBIND`;
const ADDRESSES = '192.0.2.7 0.0.0.0 256.1.1.1 2001:db8::7 2001:DB8::7 :: ::ffff:192.0.2.7 fe80::1%eth0';
const RESNAMES = 'WEBRES RES-1 0 1RES @$# TOOLONGNAME';
const PARAMETERS = `RESTRICTLOWPORTS UNRESTRICTL EPHEMERALPORTS AUTODELAYACKS SENDGARBAGE FALSE TTLS INTERVAL
  UDPCHKSUM EXPLICITBINDPORTRANGE NOEXPLICITBINDPORTRANGE AUTOSMC SMCGLOBAL`;
const AUTOLOG = 'JOBNAME PARMSTRING DELAYSTART DVIPA TTLS ENDAUTOLOG ENDAUTOLOG';
const ODD = [
  ...['"a b"', "'a;b'", '"unterminated', "it's", '""', '&SYSNAME.', '&sysname', '&NOPE.', '&', 'A&SYSNAME.B'],
  ...[
    'PART',
    '"PART"',
    'SELF',
    'LOOP',
    'x;y',
    'SMTP;mail',
    '00000010',
    '\0',
    '\x1b[31m',
    '\r',
    '\u00a0',
    'ß',
    'ﬁle',
  ],
  ...[
    '\ud800',
    '🚢',
    'ſAF',
    'TCPCONFıG',
    '\u2028',
    'constructor',
    '__proto__',
    '&CONSTRUCTOR.',
    '&__PROTO__.',
  ],
];

/** Words with their weights: those of port lists are most frequent. */
const WORD_WEIGHTS: readonly (readonly [weight: number, words: readonly string[]])[] = [
  [30, NUMBERS.split(/\s+/)],
  [25, ['TCP', 'UDP', 'TCP', 'UDP', 'tcp', 'TCP/UDP', 'UNRSV']],
  [25, JOBS.split(' ')],
  [16, OPTIONS.split(/\s+/)],
  [
    10,
    'PORT PORT PORT PORTRANGE PORTR DELETE DELE TCPCONFIG UDPCONFIG GLOBALCONFIG AUTOLOG INCLUDE'.split(' '),
  ],
  [6, ADDRESSES.split(' ')],
  [5, RESNAMES.split(' ')],
  [6, PARAMETERS.split(/\s+/)],
  [5, AUTOLOG.split(' ')],
  [3, STATEMENT_NAMES.map(({ keyword }) => fullSpelling(keyword))],
  [2, STATEMENT_NAMES.flatMap(({ end }) => (end === undefined ? [] : [end]))],
  [4, ODD],
];
const WEIGHTED_WORDS = WORD_WEIGHTS.flatMap(([weight, words]) => Array.from({ length: weight }, () => words));

const SEPARATORS = [
  ' ',
  ' ',
  ' ',
  ' ',
  '  ',
  '\t',
  '\n',
  '\n',
  '\n  ',
  '\n\n',
  ' ; a comment\n',
  '\n; above\n',
  ' ;\n',
];
const RARE_SEPARATORS = [
  '\r\n',
  '\n;\n\n; b\n\n',
  ';no blank\n',
  '',
  ' ; of 300 '.padEnd(300, 'x'),
  '\n'.repeat(40),
];

const VECTORS = new URL('test/vectors/profile/', ROOT);
const PROFILES = readdirSync(VECTORS)
  .filter((file) => file.endsWith('.profile'))
  .map((file) => readFileSync(new URL(file, VECTORS), 'utf8'));

const MUTATIONS_MAX = 8;
const SOUP_WORDS_MAX = 60;
const STATEMENTS_MAX = 8;
const ENTRIES_MAX = 6;

/** Random choices that depend only on the seed. */
class Drawing {
  readonly #random: SimRandom;

  constructor(seed: number) {
    this.#random = new SimRandom(seed);
    // The first values of neighboring seeds differ little.
    for (let i = 0; i < 8; i++) this.#random.integer(2);
  }

  below(end: number): number {
    return this.#random.integer(end);
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  pick<T>(values: readonly T[]): T {
    const value = values[this.below(values.length)];
    if (value === undefined) throw new Error('nothing to pick from');
    return value;
  }

  word(): string {
    const word = this.pick(this.pick(WEIGHTED_WORDS));
    return this.chance(8) ? word.toLowerCase() : word;
  }

  separator(): string {
    return this.pick(this.chance(4) ? RARE_SEPARATORS : SEPARATORS);
  }

  /** Random words of the grammar. */
  soup(): string {
    return Array.from({ length: this.below(SOUP_WORDS_MAX) }, () => this.word() + this.separator()).join('');
  }
}

/** The text of a seed. */
export function randomText(seed: number): string {
  const drawing = new Drawing(seed);
  const kind = drawing.below(10);
  const text = kind < 2 ? drawing.soup() : kind < 4 ? drawing.pick(PROFILES) : validProfile(drawing);
  // Some are not mutated, so that they have no errors.
  const mutations = drawing.chance(30) ? 0 : drawing.below(MUTATIONS_MAX);
  let mutated = text;
  for (let i = 0; i < mutations; i++) mutated = mutate(drawing, mutated);
  return drawing.chance(2) ? mutated.replaceAll('\n', '\r\n') : mutated;
}

/** Statements without errors, in random layout. */
function validProfile(drawing: Drawing): string {
  const words = Array.from({ length: drawing.below(STATEMENTS_MAX) }, () => validStatement(drawing)).flat();
  return words.map((word) => (drawing.chance(5) ? word.toLowerCase() : word) + drawing.separator()).join('');
}

function validStatement(drawing: Drawing): string[] {
  const list = (entry: () => string): string[] =>
    Array.from({ length: drawing.below(ENTRIES_MAX) }, () => entry().split(' ')).flat();
  const kind = drawing.below(12);
  if (kind < 4) return ['PORT', ...list(() => portEntry(drawing))];
  if (kind < 6) return [drawing.pick(['PORTRANGE', 'PORTR', 'PORTRANG']), ...list(() => rangeEntry(drawing))];
  if (kind < 7) return ['DELETE', 'PORT', ...list(() => portEntry(drawing))];
  if (kind < 8) return ['DELE', 'PORTRANGE', ...list(() => rangeEntry(drawing))];
  if (kind < 9) return drawing.pick(CONFIGS).split(' ');
  if (kind < 10) return ['AUTOLOG', ...drawing.pick([[], ['5']]), ...procedures(drawing), 'ENDAUTOLOG'];
  if (kind < 11) return drawing.pick(OTHERS).split(' ');
  return ['INCLUDE', 'PART'];
}

const CONFIGS = [
  'TCPCONFIG RESTRICTLOWPORTS EPHEMERALPORTS 1024 65535 SENDGARBAGE FALSE NODELAYACKS',
  'TCPCONFIG',
  'UDPCONFIG UNRESTRICTL UDPCHKSUM EPHEMERALPORTS 5000 5000',
  'GLOBALCONFIG EXPLICITBINDPORTRANGE 65000 4000 SMCGLOBAL AUTOSMC TCPIPSTATISTICS',
  'GLOBALCONF NOEXPLICITBINDPORTRANGE NOAUTOSMC ZIIP IPSECURITY',
];
const OTHERS = [
  'HOME 192.0.2.7 LINK1',
  'DEVICE OSA1 MPCIPA',
  'BEGINROUTES ROUTE DEFAULT 192.0.2.1 OSA MTU 1500 ENDROUTES',
  'NETACCESS 192.0.2.0/24 PORT ENDNETACCESS',
  'DELETE LINK LINK1',
];

function portEntry(drawing: Drawing): string {
  const protocol = drawing.pick(['TCP', 'TCP', 'UDP']);
  if (drawing.chance(20)) {
    if (drawing.chance(20)) return `UNRSV ${protocol} * DENY`;
    const saf = drawing.pick(['', ' SAF WEBRES']);
    return `UNRSV ${protocol} ${validJob(drawing)}${saf}${drawing.pick(['', '', ' WHENBIND'])}`;
  }
  const port = drawing.chance(50) ? drawing.below(20) + 1 : drawing.below(65535) + 1;
  if (drawing.chance(10)) return `${port} ${protocol} RESERVED`;
  return `${port} ${protocol} ${validJob(drawing)}${validOptions(drawing, protocol, true)}`;
}

function rangeEntry(drawing: Drawing): string {
  const protocol = drawing.pick(['TCP', 'TCP', 'UDP']);
  const ports = `${drawing.below(65535) + 1} ${drawing.pick([1, 2, 100, 65535])}`;
  if (drawing.chance(20)) return `${ports} TCP ${drawing.pick(['RESERVED', 'AUTHPORT'])}`;
  return `${ports} ${protocol} ${validJob(drawing)}${validOptions(drawing, protocol, false)}`;
}

function validJob(drawing: Drawing): string {
  return drawing.pick(VALID_JOBS);
}

const VALID_JOBS = JOBS.split(' ').filter((job) => job !== 'RESERVED' && job !== 'AUTHPORT');

function validOptions(drawing: Drawing, protocol: string, isPort: boolean): string {
  const some = (...words: readonly string[]): string => (drawing.chance(25) ? ` ${drawing.pick(words)}` : '');
  const isTcp = protocol === 'TCP';
  return [
    some('NOAUTOLOG', 'NOAUTOL'),
    some('DELAYACKS', 'DELAYA', 'NODELAYACKS'),
    ...(isTcp && isPort ? [some('SHAREPORT', 'SHAREP', 'SHAREPORTWLM')] : []),
    ...(isPort ? [some('BIND 192.0.2.7', 'BIND 2001:DB8::7')] : []),
    some('SAF WEBRES', 'SAF RES-1'),
    ...(isTcp ? [some('SMC', 'NOSMC')] : []),
  ].join('');
}

function procedures(drawing: Drawing): string[] {
  const names = [
    'FTPD JOBNAME FTPD1',
    'INETD',
    'WEB PARMSTRING "-p"',
    'DB2 DELAYSTART TTLS',
    'NFS DELAYSTART',
  ];
  return Array.from({ length: drawing.below(ENTRIES_MAX) }, () => drawing.pick(names).split(' ')).flat();
}

/** Changes one word or separator. */
function mutate(drawing: Drawing, text: string): string {
  const parts = text.split(/([ \t\n]+)/);
  const at = drawing.below(parts.length);
  const other = drawing.below(parts.length);
  const [here = '', there = ''] = [parts[at], parts[other]];
  const kind = drawing.below(12);
  if (kind === 0) parts.splice(at, 1);
  else if (kind === 1) parts.splice(at, 2);
  else if (kind === 2) parts.splice(at, 1, there);
  else if (kind === 3) parts.splice(at, 0, ...parts.slice(at, at + drawing.below(20)));
  else if (kind === 4) {
    parts[at] = there;
    parts[other] = here;
  } else if (kind === 5) parts[at] = here.slice(0, drawing.below(here.length + 1));
  else if (kind === 6) parts.splice(at, 0, drawing.separator());
  else if (kind === 7) parts.splice(at, parts.length);
  else if (kind === 8)
    parts[at] = String.fromCharCode(drawing.below(drawing.chance(80) ? 256 : 65536)) + here;
  else parts.splice(at, drawing.below(2), ' ', drawing.word(), drawing.separator());
  return parts.join('');
}

/** The included files: a profile, one that includes itself, and two that include each other. */
export function includedText(path: string): string | undefined {
  const texts: Readonly<Record<string, string>> = {
    PART: 'PORT 4711 TCP PARTJOB ; in a part\n PORTRANGE 4000 10 UDP PARTJOB\n; below\n',
    SELF: 'PORT 4712 TCP SELFJOB INCLUDE SELF',
    LOOP: 'INCLUDE BACK PORT 4713 TCP LOOPJOB',
    BACK: 'INCLUDE LOOP',
  };
  return Object.hasOwn(texts, path) ? texts[path] : undefined;
}
