// The statements of a profile as values, each with its place and with its words in their full spelling.
import type { IpAddress } from '../../base/address.ts';
import type { Port, Protocol } from '../../base/port.ts';
import type { Place } from '../../text/source.ts';

/** What every statement and every entry of a list has. */
export interface Written {
  readonly place: Place;
  /** Its words: keywords in full and in capitals, arguments as they stand, symbols not replaced. */
  readonly words: readonly string[];
  /** Comments in front of it, on lines of their own, each with its semicolon. */
  readonly above: readonly string[];
  /** Comments within and behind it. */
  readonly beside: readonly string[];
  /** A syntax error before it in the same list: z/OS passes over the rest of the list. */
  readonly isPassedOver: boolean;
}

/** Who may use reserved ports. */
export type Use =
  /** No one. */
  | { readonly kind: 'RESERVED' }
  /** FTP servers, for passive data connections. */
  | { readonly kind: 'AUTHPORT' }
  /** The jobs that match the pattern, which is in upper case. */
  | { readonly kind: 'JOB'; readonly pattern: string };

/** The options of a reservation; undefined is unsaid. */
export interface PortOptions {
  /** False with NOAUTOLOG. */
  readonly autolog: boolean;
  readonly acks?: 'DELAYACKS' | 'NODELAYACKS';
  readonly share?: 'SHAREPORT' | 'SHAREPORTWLM';
  readonly bind?: IpAddress;
  /** The resname behind SAF. */
  readonly saf?: string;
  readonly smc?: 'SMC' | 'NOSMC';
}

/** Of PORT: one port. */
export interface PortEntry extends Written {
  readonly kind: 'port';
  readonly port: Port;
  readonly protocol: Protocol;
  readonly use: Use;
  readonly options: PortOptions;
}

/** Of PORTRANGE: the ports from `first` to `last`, which is at most 65535. */
export interface RangeEntry extends Written {
  readonly kind: 'range';
  readonly first: Port;
  readonly last: Port;
  readonly protocol: Protocol;
  readonly use: Use;
  readonly options: PortOptions;
}

/** Of PORT UNRSV: who may use ports that are not reserved. */
export interface UnreservedEntry extends Written {
  readonly kind: 'unreserved';
  readonly protocol: Protocol;
  /** A job name, a pattern, or `*`. */
  readonly pattern: string;
  readonly isDenied: boolean;
  readonly saf?: string;
  /** Undefined where it is unsaid: WHENLISTEN for TCP, WHENBIND for UDP. */
  readonly when?: 'WHENLISTEN' | 'WHENBIND';
}

interface PortStatement extends Written {
  readonly kind: 'PORT';
  readonly entries: readonly (PortEntry | UnreservedEntry)[];
}

interface PortRangeStatement extends Written {
  readonly kind: 'PORTRANGE';
  readonly entries: readonly RangeEntry[];
}

/** DELETE PORT and DELETE PORTRANGE: the entries that are to go. */
export interface DeleteStatement extends Written {
  readonly kind: 'DELETE';
  readonly entries: readonly (PortEntry | UnreservedEntry | RangeEntry)[];
}

/** A parameter of TCPCONFIG, UDPCONFIG or GLOBALCONFIG that has to do with ports. */
export type Setting =
  | { readonly kind: 'lowPorts'; readonly isRestricted: boolean }
  | { readonly kind: 'ephemeralPorts'; readonly first: Port; readonly last: Port }
  | { readonly kind: 'acks'; readonly acks: 'DELAYACKS' | 'NODELAYACKS' | 'AUTODELAYACKS' }
  /** `range` is undefined for NOEXPLICITBINDPORTRANGE. */
  | {
      readonly kind: 'explicitBindPorts';
      readonly range: { readonly first: Port; readonly last: Port } | undefined;
    }
  | { readonly kind: 'autoSmc'; readonly isOn: boolean };

export interface SettingEntry extends Written {
  /** Undefined for parameters that have nothing to do with ports. */
  readonly setting: Setting | undefined;
}

export interface ConfigStatement extends Written {
  readonly kind: 'TCPCONFIG' | 'UDPCONFIG' | 'GLOBALCONFIG';
  readonly settings: readonly SettingEntry[];
}

/** A procedure of AUTOLOG. */
export interface AutologEntry extends Written {
  readonly procedure: string;
  /** The job under which it runs: JOBNAME, or else the procedure's name. */
  readonly job: string;
  /** PARMSTRING, without its quotes. */
  readonly parameters?: string;
  /** DELAYSTART: what it waits for; empty if that is only the stack. */
  readonly delayStart?: readonly ('DVIPA' | 'TTLS')[];
}

export interface AutologStatement extends Written {
  readonly kind: 'AUTOLOG';
  /** How long a start waits for procedures that still run, in minutes; undefined is unsaid. */
  readonly waitMinutes?: number;
  readonly entries: readonly AutologEntry[];
  /** ENDAUTOLOG; undefined where it is missing. */
  readonly end: Written | undefined;
}

/** INCLUDE, with what stands in the file. */
interface IncludeStatement extends Written {
  readonly kind: 'INCLUDE';
  /** As it is written. */
  readonly path: string;
  readonly statements: readonly Statement[];
}

/** A statement of z/OS that has nothing to do with ports. */
interface SkippedStatement extends Written {
  readonly kind: 'SKIPPED';
  /** Its name in full. */
  readonly name: string;
  /** Its text, word for word, with its comments. */
  readonly text: string;
}

/** A statement of a profile. */
export type Statement =
  | PortStatement
  | PortRangeStatement
  | DeleteStatement
  | ConfigStatement
  | AutologStatement
  | IncludeStatement
  | SkippedStatement;
