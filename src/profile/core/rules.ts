// The meaning of a profile: its reservations and settings, each with the statement that said so.
import type { Port, Protocol } from '../../base/port.ts';
import type { PortOptions, Use } from '../text/statements.ts';

/** The statement behind a rule. */
export interface RuleSource {
  readonly file: string;
  readonly line: number;
  /** Its words in full. */
  readonly text: string;
}

/** Ports that are reserved. */
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

/** A range of ports that a statement names. */
export interface RangeSetting {
  readonly first: Port;
  readonly last: Port;
  readonly source: RuleSource;
}

/** What TCPCONFIG or UDPCONFIG says; undefined is unsaid. */
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

/** A procedure that is kept running. */
export interface AutologRule {
  readonly procedure: string;
  readonly job: string;
  readonly parameters: string | undefined;
  readonly delayStart: readonly ('DVIPA' | 'TTLS')[] | undefined;
  readonly source: RuleSource;
}

/** What a profile means. */
export interface Profile {
  /** In the order of their statements. */
  readonly reservations: readonly Reservation[];
  readonly unreserved: readonly UnreservedRule[];
  readonly tcp: ProtocolSettings;
  readonly udp: ProtocolSettings;
  readonly explicitBindPorts: RangeSetting | undefined;
  readonly autoSmc: { readonly isOn: boolean; readonly source: RuleSource } | undefined;
  readonly autolog: readonly AutologRule[];
  /** How long AUTOLOG waits at a start, in minutes. */
  readonly autologWaitMinutes: number | undefined;
}

/** A profile that says nothing: every port may be used as Linux lets it. */
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
