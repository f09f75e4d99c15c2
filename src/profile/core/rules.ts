// The rules of a profile: its reservations and settings, each with the statement it comes from.
import type { Port, Protocol } from '../../base/port.ts';
import type { PortOptions, Use } from '../text/statements.ts';

/** The statement that a rule comes from. */
export interface RuleSource {
  readonly file: string;
  readonly line: number;
  /** The words of the statement, keywords in full. */
  readonly text: string;
}

/** A reserved port or range, for the jobs of `use`. */
export interface Reservation {
  readonly protocol: Protocol;
  readonly first: Port;
  readonly last: Port;
  /** Reserved by PORTRANGE; false for PORT. */
  readonly isRange: boolean;
  readonly use: Use;
  readonly options: PortOptions;
  readonly source: RuleSource;
}

/** Who may use ports that are not reserved (PORT UNRSV). */
export interface UnreservedRule {
  readonly protocol: Protocol;
  readonly pattern: string;
  readonly isDenied: boolean;
  readonly saf: string | undefined;
  readonly when: 'WHENLISTEN' | 'WHENBIND';
  readonly source: RuleSource;
}

/** A port range that a statement sets. */
export interface RangeSetting {
  readonly first: Port;
  readonly last: Port;
  readonly source: RuleSource;
}

/** The settings of TCPCONFIG or UDPCONFIG; undefined if not given. */
export interface ProtocolSettings {
  /** RESTRICTLOWPORTS or UNRESTRICTLOWPORTS. */
  readonly lowPorts?: { readonly isRestricted: boolean; readonly source: RuleSource };
  readonly ephemeralPorts?: RangeSetting;
  /** TCP only. */
  readonly acks?: {
    readonly acks: 'DELAYACKS' | 'NODELAYACKS' | 'AUTODELAYACKS';
    readonly source: RuleSource;
  };
}

/** A procedure that AUTOLOG keeps running. */
export interface AutologRule {
  readonly procedure: string;
  readonly job: string;
  readonly parameters: string | undefined;
  readonly delayStart: readonly ('DVIPA' | 'TTLS')[] | undefined;
  readonly source: RuleSource;
}

export interface Profile {
  /** In the order of their statements. */
  readonly reservations: readonly Reservation[];
  readonly unreserved: readonly UnreservedRule[];
  readonly tcp: ProtocolSettings;
  readonly udp: ProtocolSettings;
  readonly explicitBindPorts: RangeSetting | undefined;
  readonly autoSmc: { readonly isOn: boolean; readonly source: RuleSource } | undefined;
  readonly autolog: readonly AutologRule[];
  /** How long AUTOLOG waits at startup. */
  readonly autologWaitMinutes: number | undefined;
}

/** A profile without rules: only the rules of Linux apply. */
export const EMPTY_PROFILE: Profile = {
  reservations: [],
  unreserved: [],
  tcp: {},
  udp: {},
  explicitBindPorts: undefined,
  autoSmc: undefined,
  autolog: [],
  autologWaitMinutes: undefined,
};
