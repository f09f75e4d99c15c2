/** Random profiles as text, and random requests, mostly for ports of the profile; determined by the seed. */

import { type IpAddress, parseIp } from '../../src/base/address.ts';
import type { BindRequest } from '../../src/profile/core/verdict.ts';
import { SimRandom } from './sim/random.ts';

/** A profile, and the file that INCLUDE names in it. */
export interface ProfileText {
  readonly text: string;
  readonly part: string;
}

export interface RandomProfile {
  readonly written: ProfileText;
  /** The same with blanks in place of what z/OS ignores: after errors, and statements with an invalid DENY. */
  readonly effective: ProfileText;
  readonly nextRequest: () => BindRequest;
}

/** Some lines of a profile. */
interface Lines {
  readonly written: string;
  readonly effective: string;
}

/** The file that some profiles include. */
export const PART = 'part';

/** The jobs that AUTHPORT permits. */
export const AUTHPORT_JOBS = ['FTP*', 'VSFTPD'];

/** SAF resources by name, and their access rule; root has no special access. */
const RESOURCES: Readonly<Record<string, (uid: number, groups: readonly number[]) => boolean>> = {
  ANYONE: () => true,
  UID33: (uid) => uid === 33,
  GROUP50: (_uid, groups) => groups.includes(50),
  NO$ONE: () => false,
};

export function isPermitted(resname: string, uid: number, groups: readonly number[]): boolean {
  return RESOURCES[resname]?.(uid, groups) ?? false;
}

const EDGES = [1, 2, 1022, 1023, 1024, 1025, 65533, 65534, 65535];
const PORTS = [21, 80, 512, 700, 4000, 8080, 40000];
const JOBS = words(
  'WEB WEB WEB1 WEB1 WEB2 WEBX AWEB DB2 DB2A FTPD1 VSFTPD NAMED',
  'OMVS OMVS1 INTCLIEN UNKNOWN UNKNOWN X A.B AXB',
);
const PATTERNS = words(
  '* * * WEB WEB WEB* WEB? ?E* W*B* *1 DB2 DB2? D?* D* *B* FTPD1 FTP*',
  'OMVS OMVS OMV* INTCLIEN INT* UNKNOWN UNK* ** ?* X A.B*',
);
/** For UNRSV: many patterns that match the same job. */
const RANKED = words(
  '* * * WEB WEB* WEB? WE* W*B* W* W?* ?E* *B1 *W* *E* DB2 DB2? D* D?*',
  'OMVS OMVS INT* INTCLIEN UNK* ?*',
);
const WILDCARDS = ['0.0.0.0', '::', '::ffff:0.0.0.0'];
const ADDRESSES = ['127.0.0.1', '::1', '192.0.2.1', '2001:db8::1', '::ffff:192.0.2.1'];
/** Entries with a semantic error: the rest of the list applies. */
const WRONG = {
  PORT: ['80 TCP WEB SAF 0', '80 UDP WEB SHAREPORT', 'UNRSV UDP WEB WHENLISTEN'],
  PORTRANGE: ['80 2 TCP WEB SAF NINECHARS', '80 2 UDP AUTHPORT'],
};
/** Entries with a syntax error: the rest of the list is ignored. */
const BROKEN = {
  PORT: ['53 TCP/UDP NAMED', '80 TCP WEB SMC NOAUTOLOG', '0 TCP WEB'],
  PORTRANGE: ['53 2 SCTP WEB', '80 2 TCP WEB SHAREPORT', '80 0 TCP WEB'],
};
const BIND_ADDRESSES = ['192.0.2.7', '127.0.0.9', '2001:db8::7', '2001:db8::8'];

/** A profile and its requests. */
export function randomProfile(seed: number): RandomProfile {
  const random = new SimRandom(seed);
  // The first values of neighboring seeds differ little.
  for (let i = 0; i < 8; i++) random.integer(2);
  const writer = new ProfileWriter(random);
  const statements = writer.statements();
  const { ports } = writer;
  const included: Lines[] = [];
  if (chance(random, 15)) {
    const include = same(`INCLUDE ${PART}\n`);
    included.push(...statements.splice(random.integer(statements.length), between(random, 1, 3), include));
  }
  const textOf = (key: keyof Lines): ProfileText => {
    const joined = (all: readonly Lines[]): string => all.map((lines) => lines[key]).join('');
    return { text: joined(statements), part: joined(included) };
  };
  const nextRequest = (): BindRequest => randomRequest(random, ports);
  return { written: textOf('written'), effective: textOf('effective'), nextRequest };
}

function words(...lines: readonly string[]): string[] {
  return lines.join(' ').split(' ');
}

function same(text: string): Lines {
  return { written: text, effective: text };
}

/** The same number of blank lines. */
function blank(text: string): string {
  return text.replace(/[^\n]/g, ' ');
}

function pick<T>(random: SimRandom, values: readonly T[]): T {
  const value = values[random.integer(values.length)];
  if (value === undefined) throw new Error('nothing to pick from');
  return value;
}

function chance(random: SimRandom, percent: number): boolean {
  return random.integer(100) < percent;
}

function between(random: SimRandom, first: number, last: number): number {
  return first + random.integer(last - first + 1);
}

// --- Requests ---

function randomRequest(random: SimRandom, ports: readonly number[]): BindRequest {
  const uid = pick(random, [0, 33, 1000]);
  return {
    operation: chance(random, 15) ? 'listen' : 'bind',
    protocol: chance(random, 60) ? 'tcp' : 'udp',
    address: randomAddress(random),
    port: randomPort(random, ports),
    job: pick(random, JOBS),
    uid,
    groups: pick(random, [[uid], [uid, 50], [60, 50, 70]]),
    lowPortCapable: chance(random, uid === 0 ? 85 : 15),
  };
}

function randomAddress(random: SimRandom): IpAddress {
  const text = pick(random, chance(random, 70) ? WILDCARDS : ADDRESSES);
  const address = parseIp(text);
  if (address === undefined) throw new Error(text);
  return address;
}

function randomPort(random: SimRandom, ports: readonly number[]): number {
  const kind = random.integer(100);
  if (kind < 4) return 0;
  if (kind < 76 && ports.length > 0) {
    const port = pick(random, ports) + pick(random, [-1, 0, 0, 0, 0, 1]);
    return Math.min(65535, Math.max(1, port));
  }
  if (kind < 87) return pick(random, EDGES);
  if (kind < 96) return between(random, 1, 1023);
  return between(random, 1, 65535);
}

// --- Profiles ---

/** Writes one profile with few different ports, so that its statements conflict. */
class ProfileWriter {
  readonly ports: number[] = [];
  readonly #random: SimRandom;
  readonly #hotPorts: readonly number[];
  readonly #when: string;
  /** Operands of DELETE for the entries written so far. */
  readonly #deletable: { readonly list: string; readonly entry: string }[] = [];

  constructor(random: SimRandom) {
    this.#random = random;
    this.#hotPorts = Array.from({ length: 4 }, () => pick(random, chance(random, 50) ? EDGES : PORTS));
    this.#when = pick(random, ['', 'WHENLISTEN', 'WHENBIND', 'WHENBIND']);
  }

  statements(): Lines[] {
    const statements = Array.from({ length: between(this.#random, 2, 9) }, () => this.#statement());
    const withUnreserved = chance(this.#random, 60);
    if (withUnreserved) {
      const protocol = this.#protocol();
      for (let i = 0; i < between(this.#random, 1, 2); i++) {
        statements.push(this.#list('PORT', 4, () => this.#unreserved(protocol)));
      }
    }
    return statements;
  }

  #statement(): Lines {
    const kind = this.#random.integer(100);
    if (kind < 35) return this.#list('PORT', 5, () => this.#port());
    if (kind < 53) return this.#list('PORTRANGE', 3, () => this.#range());
    if (kind < 66) return same(this.#delete());
    if (kind < 82) return same(this.#protocolConfig());
    if (kind < 89) return same(this.#globalConfig());
    if (kind < 94) return this.#list('PORT', 4, () => this.#portOrUnreserved());
    const others = [
      'AUTOLOG 5\n  WEB JOBNAME WEB1\nENDAUTOLOG ;\n',
      'HOME\n  192.0.2.7 LINK1 ; its address\n',
      'SACONFIG ENABLED COMMUNITY public AGENT 161\n',
      ';\n; PORT 80 TCP RESERVED\n;\n',
      '\n   \n',
    ];
    return same(pick(this.#random, others));
  }

  #protocol(): string {
    return chance(this.#random, 60) ? 'TCP' : 'UDP';
  }

  /** A statement with a list of entries, in one of several layouts. */
  #list(name: 'PORT' | 'PORTRANGE', most: number, entry: () => string): Lines {
    const entries = Array.from({ length: between(this.#random, 1, most) }, () =>
      chance(this.#random, 4) ? pick(this.#random, pick(this.#random, [WRONG, BROKEN])[name]) : entry(),
    );
    const layout = this.#random.integer(10);
    const pieces = [layout < 2 ? `${name} ` : `${name}\n`];
    pieces.push(...entries.map((one) => this.#laidOut(one, layout)), '\n');
    const broken = entries.findIndex((one) => BROKEN[name].includes(one));
    const end = broken < 0 ? entries.length : broken;
    // EZZ0146I: the entire PORT statement is ignored, wherever DENY is in it, unless DENY itself is ignored.
    const isIgnored = entries.slice(0, end).some((one) => /^UNRSV \S+ (?!\*+ )\S+ DENY/.test(one));
    const isWrong = (i: number): boolean => WRONG[name].includes(entries[i - 1] ?? '');
    const effective = pieces.map((piece, i) => (isIgnored || i > end || isWrong(i) ? blank(piece) : piece));
    return { written: pieces.join(''), effective: effective.join('') };
  }

  #laidOut(entry: string, layout: number): string {
    if (layout === 0) return `${entry} `;
    if (layout === 1) return `${entry.replaceAll(' ', '\n  ')} ; a comment\n`;
    if (layout === 2) return `   ${entry.toLowerCase()}\n`;
    return `  ${entry}${chance(this.#random, 20) ? ' ; of no use' : ''}\n`;
  }

  #port(): string {
    const port = this.#somePort();
    const protocol = this.#protocol();
    const use = chance(this.#random, 12) ? 'RESERVED' : pick(this.#random, PATTERNS);
    this.ports.push(port);
    this.#deletable.push({ list: 'PORT', entry: `${port} ${protocol} ${use}` });
    return this.#withOptions(`${port} ${protocol} ${use}`, use, protocol, true);
  }

  #range(): string {
    const first = Math.max(1, this.#somePort() - pick(this.#random, [0, 0, 1, 2, 50]));
    const length = pick(this.#random, [1, 2, 2, 3, 5, 60, 300, 65535]);
    const protocol = this.#protocol();
    const withAuthport = protocol === 'TCP' && chance(this.#random, 20);
    const use = withAuthport
      ? 'AUTHPORT'
      : chance(this.#random, 15)
        ? 'RESERVED'
        : pick(this.#random, PATTERNS);
    const last = Math.min(65535, first + length - 1);
    this.ports.push(first, last);
    const count = chance(this.#random, 50) ? length : last - first + 1;
    this.#deletable.push({ list: 'PORTRANGE', entry: `${first} ${count} ${protocol} ${use}` });
    return this.#withOptions(`${first} ${length} ${protocol} ${use}`, use, protocol, false);
  }

  #withOptions(entry: string, use: string, protocol: string, isPort: boolean): string {
    if (use === 'RESERVED' || use === 'AUTHPORT') return entry;
    const isTcp = protocol === 'TCP';
    const some = (percent: number, values: readonly string[]): string[] =>
      chance(this.#random, percent) ? [pick(this.#random, values)] : [];
    return [
      entry,
      ...some(20, ['NOAUTOLOG']),
      ...(isTcp ? some(30, ['DELAYACKS', 'NODELAYACKS']) : []),
      ...(isTcp && isPort ? some(25, ['SHAREPORT', 'SHAREPORTWLM']) : []),
      ...(isPort ? some(35, BIND_ADDRESSES).map((address) => `BIND ${address}`) : []),
      ...some(30, Object.keys(RESOURCES)).map((resname) => `SAF ${resname}`),
      ...(isTcp ? some(25, ['SMC', 'NOSMC']) : []),
    ].join(' ');
  }

  #portOrUnreserved(): string {
    return chance(this.#random, 50) ? this.#port() : this.#unreserved(this.#protocol());
  }

  #unreserved(protocol: string): string {
    const isDenied = chance(this.#random, 25);
    // Sometimes DENY of one job, for which the whole statement is ignored.
    const pattern = isDenied && chance(this.#random, 85) ? '*' : pick(this.#random, RANKED);
    this.#deletable.push({ list: 'PORT', entry: `UNRSV ${protocol} ${pattern}` });
    const access = isDenied
      ? ' DENY'
      : chance(this.#random, 30)
        ? ` SAF ${pick(this.#random, Object.keys(RESOURCES))}`
        : '';
    return `UNRSV ${protocol} ${pattern}${access}${protocol === 'TCP' ? this.#someWhen() : ''}`;
  }

  #someWhen(): string {
    const when = chance(this.#random, 85) ? this.#when : pick(this.#random, ['', 'WHENLISTEN', 'WHENBIND']);
    return when === '' ? '' : ` ${when}`;
  }

  #delete(): string {
    const isKnown = this.#deletable.length > 0 && chance(this.#random, 85);
    const { list, entry } = isKnown
      ? pick(this.#random, this.#deletable)
      : { list: 'PORT', entry: `${this.#somePort()} ${this.#protocol()} ${pick(this.#random, PATTERNS)}` };
    if (chance(this.#random, 75)) return `DELETE ${list} ${entry}\n`;
    const words = entry.split(' ');
    const other = pick(this.#random, [
      this.#protocol(),
      pick(this.#random, PATTERNS),
      '1',
      '2',
      `${this.#somePort()}`,
    ]);
    const at = /\d/.test(other)
      ? words.length - 3
      : /TCP|UDP/.test(other)
        ? words.length - 2
        : words.length - 1;
    // With one word changed, mostly nothing is deleted.
    return `DELETE ${list} ${words.with(at, words[at] === 'UNRSV' ? 'UNRSV' : other).join(' ')}\n`;
  }

  #protocolConfig(): string {
    const parameters: string[] = [];
    const protocol = this.#protocol();
    if (chance(this.#random, 75)) {
      parameters.push(pick(this.#random, ['RESTRICTLOWPORTS', 'UNRESTRICTLOWPORTS']));
    }
    if (chance(this.#random, 40)) parameters.push(`EPHEMERALPORTS ${this.#ephemeralRange().join(' ')}`);
    if (protocol === 'TCP' && chance(this.#random, 40)) {
      parameters.push(pick(this.#random, ['DELAYACKS', 'NODELAYACKS', 'AUTODELAYACKS']));
    }
    return parameters.length === 0 ? '' : `${protocol}CONFIG\n  ${parameters.join('\n  ')}\n`;
  }

  #globalConfig(): string {
    if (chance(this.#random, 30)) return 'GLOBALCONFIG NOEXPLICITBINDPORTRANGE\n';
    const [first, last] = this.#ephemeralRange();
    return `GLOBALCONFIG EXPLICITBINDPORTRANGE ${first} ${last - first + 1}\n`;
  }

  #ephemeralRange(): [first: number, last: number] {
    const first = pick(this.#random, [1024, 20000, 49152]);
    return [first, pick(this.#random, [first, first + 99, 65535])];
  }

  #somePort(): number {
    return chance(this.#random, 85) ? pick(this.#random, this.#hotPorts) : between(this.#random, 1, 65535);
  }
}
