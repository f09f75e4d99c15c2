// The types of parsed statements, each with its place, its comments, and its words in full.
import type { IpAddress } from '../../base/address.ts';
import type { Port, Protocol } from '../../base/port.ts';
import type { Place } from '../../text/source.ts';

/** The source of a statement or an entry. */
export interface Written {
  readonly place: Place;
  /** Keywords in full and in upper case, arguments as written, symbols not replaced. */
  readonly words: readonly string[];
  /** Comments on the lines above it, each with its semicolon. */
  readonly above: readonly string[];
  /** Comments within it and at the end of its line. */
  readonly inline: readonly string[];
  /** It follows a syntax error in the same list, of which z/OS ignores the rest. */
  readonly isIgnored: boolean;
}

/** The jobs that a port is reserved for. */
export type Use =
  /** No job. */
  | { readonly kind: 'RESERVED' }
  /** FTP servers, for passive data connections. */
  | { readonly kind: 'AUTHPORT' }
  /** The jobs that match the pattern, which is in upper case. */
  | { readonly kind: 'JOB'; readonly pattern: string };

/** The options of a reservation; undefined if not given. */
export interface PortOptions {
  /** False with NOAUTOLOG. */
  readonly autolog: boolean;
  readonly acks?: 'DELAYACKS' | 'NODELAYACKS';
  readonly share?: 'SHAREPORT' | 'SHAREPORTWLM';
  readonly bind?: IpAddress;
  /** The resname of SAF. */
  readonly saf?: string;
  readonly smc?: 'SMC' | 'NOSMC';
}

/** An entry of PORT. */
export interface PortEntry extends Written {
  readonly kind: 'port';
  readonly port: Port;
  readonly protocol: Protocol;
  readonly use: Use;
  readonly options: PortOptions;
}

/** An entry of PORTRANGE. */
export interface RangeEntry extends Written {
  readonly kind: 'range';
  readonly first: Port;
  readonly last: Port;
  readonly protocol: Protocol;
  readonly use: Use;
  readonly options: PortOptions;
}

/** An entry of PORT UNRSV: a rule for ports that are not reserved. */
export interface UnreservedEntry extends Written {
  readonly kind: 'unreserved';
  readonly protocol: Protocol;
  /** A job name, a pattern, or `*`. */
  readonly pattern: string;
  readonly isDenied: boolean;
  readonly saf?: string;
  /** Undefined if not given: WHENLISTEN for TCP, WHENBIND for UDP. */
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

/** DELETE PORT or DELETE PORTRANGE. */
export interface DeleteStatement extends Written {
  readonly kind: 'DELETE';
  readonly entries: readonly (PortEntry | UnreservedEntry | RangeEntry)[];
}

/** A parameter of TCPCONFIG, UDPCONFIG or GLOBALCONFIG that concerns ports. */
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
  /** Undefined for parameters that do not concern ports. */
  readonly setting: Setting | undefined;
}

export interface ConfigStatement extends Written {
  readonly kind: 'TCPCONFIG' | 'UDPCONFIG' | 'GLOBALCONFIG';
  readonly settings: readonly SettingEntry[];
}

/** A procedure of AUTOLOG. */
export interface AutologEntry extends Written {
  readonly procedure: string;
  /** The job it runs as: JOBNAME, by default the name of the procedure. */
  readonly job: string;
  /** PARMSTRING, without its quotes. */
  readonly parameters?: string;
  /** DELAYSTART: what the start waits for; empty if only for the stack. */
  readonly delayStart?: readonly ('DVIPA' | 'TTLS')[];
}

export interface AutologStatement extends Written {
  readonly kind: 'AUTOLOG';
  /** How long a start waits for procedures that still run; undefined if not given. */
  readonly waitMinutes?: number;
  readonly entries: readonly AutologEntry[];
  /** ENDAUTOLOG; undefined if it is missing. */
  readonly end: Written | undefined;
}

/** INCLUDE, with the statements of the file. */
interface IncludeStatement extends Written {
  readonly kind: 'INCLUDE';
  /** As written. */
  readonly path: string;
  readonly statements: readonly Statement[];
}

/** A statement of z/OS that does not concern ports. */
interface SkippedStatement extends Written {
  readonly kind: 'SKIPPED';
  /** Its name in full. */
  readonly name: string;
  /** The text as written, with comments. */
  readonly text: string;
}

export type Statement =
  | PortStatement
  | PortRangeStatement
  | DeleteStatement
  | ConfigStatement
  | AutologStatement
  | IncludeStatement
  | SkippedStatement;
