// The reservations of a profile as rows with the field names of SMF 119, and in the form of NETSTAT PORTLIST.
import { formatIp } from '../../base/address.ts';
import type { Protocol } from '../../base/port.ts';
import type { Profile, RangeSetting, Reservation, RuleSource, UnreservedRule } from '../core/rules.ts';

/**
 * A reservation or an UNRSV entry, with the names of flags and options of section NMTP_PORT in an SMF 119 profile
 * record (subtype 4).
 */
export interface PortRow {
  readonly flags: {
    readonly IPV6: boolean;
    readonly RANGE: boolean;
    readonly UNRSV: boolean;
    readonly TCP: boolean;
  };
  readonly useType: 'RESERVED' | 'AUTHPORT' | 'JOBNAME';
  /** All false for RESERVED, AUTHPORT and UNRSV. */
  readonly rsvOptions: {
    readonly AUTOLOG: boolean;
    readonly DELAYACKS: boolean;
    readonly SHAREPORT: boolean;
    readonly SHAREPORTWLM: boolean;
    readonly BIND: boolean;
    readonly SAF: boolean;
    readonly NOSMC: boolean;
    readonly SMC: boolean;
  };
  /** All false except for UNRSV. */
  readonly unrsvOptions: {
    readonly DENY: boolean;
    readonly SAF: boolean;
    readonly WHENLISTEN: boolean;
    readonly WHENBIND: boolean;
  };
  /** The first and the last port; 0 for UNRSV. */
  readonly portNumber: number;
  readonly portNumberEnd: number;
  /** A job name or a pattern; empty for RESERVED and AUTHPORT. */
  readonly jobname: string;
  /** The operands of SAF and BIND; empty if not given. */
  readonly safname: string;
  readonly bindAddr: string;
  readonly rule: RuleSource;
}

/** A setting of the profile. */
export interface SettingRow {
  /** "tcp low ports". */
  readonly setting: string;
  readonly value: string;
  readonly rule: RuleSource;
}

/** The reservations by port, TCP first, the entries of one port in search order; then UNRSV. */
export function portRows({ reservations, unreserved }: Profile): PortRow[] {
  const sorted = reservations.toSorted((a, b) => a.first - b.first || rank(a.protocol) - rank(b.protocol));
  const rest = unreserved.toSorted((a, b) => rank(a.protocol) - rank(b.protocol));
  return [...sorted.map(reservedRow), ...rest.map(unreservedRow)];
}

const rank = (protocol: Protocol) => (protocol === 'tcp' ? 0 : 1);

const NO_RSV_OPTIONS: PortRow['rsvOptions'] = {
  AUTOLOG: false,
  DELAYACKS: false,
  SHAREPORT: false,
  SHAREPORTWLM: false,
  BIND: false,
  SAF: false,
  NOSMC: false,
  SMC: false,
};
const NO_UNRSV_OPTIONS: PortRow['unrsvOptions'] = {
  DENY: false,
  SAF: false,
  WHENLISTEN: false,
  WHENBIND: false,
};

function reservedRow({ protocol, first, last, isRange, use, options, source }: Reservation): PortRow {
  const isTcp = protocol === 'tcp';
  const isJob = use.kind === 'JOB';
  const { autolog, acks, share, bind, saf, smc } = options;
  const rsvOptions = {
    AUTOLOG: autolog,
    // "DELAYACKS ... is the default", and acknowledgments are TCP's.
    DELAYACKS: isTcp && acks !== 'NODELAYACKS',
    SHAREPORT: share === 'SHAREPORT',
    SHAREPORTWLM: share === 'SHAREPORTWLM',
    BIND: bind !== undefined,
    SAF: saf !== undefined,
    NOSMC: smc === 'NOSMC',
    SMC: smc === 'SMC',
  };
  return {
    flags: { IPV6: bind?.family === 6, RANGE: isRange, UNRSV: false, TCP: isTcp },
    useType: isJob ? 'JOBNAME' : use.kind,
    rsvOptions: isJob ? rsvOptions : NO_RSV_OPTIONS,
    unrsvOptions: NO_UNRSV_OPTIONS,
    portNumber: first,
    portNumberEnd: last,
    jobname: isJob ? use.pattern : '',
    safname: saf ?? '',
    bindAddr: bind ? formatIp(bind) : '',
    rule: source,
  };
}

function unreservedRow({ protocol, pattern, isDenied, saf, when, source }: UnreservedRule): PortRow {
  return {
    flags: { IPV6: false, RANGE: false, UNRSV: true, TCP: protocol === 'tcp' },
    useType: 'JOBNAME',
    rsvOptions: NO_RSV_OPTIONS,
    unrsvOptions: {
      DENY: isDenied,
      SAF: saf !== undefined,
      WHENLISTEN: when === 'WHENLISTEN',
      WHENBIND: when === 'WHENBIND',
    },
    portNumber: 0,
    portNumberEnd: 0,
    jobname: pattern,
    safname: saf ?? '',
    bindAddr: '',
    rule: source,
  };
}

export function settingRows(profile: Profile): SettingRow[] {
  const rows: SettingRow[] = [];
  const add = (setting: string, value: string, rule: RuleSource) => rows.push({ setting, value, rule });
  const addRange = (setting: string, range: RangeSetting | undefined) => {
    if (range) add(setting, `${range.first}-${range.last}`, range.source);
  };
  for (const protocol of ['tcp', 'udp'] as const) {
    const { lowPorts, ephemeralPorts, acks } = profile[protocol];
    if (lowPorts) {
      add(`${protocol} low ports`, lowPorts.isRestricted ? 'restricted' : 'unrestricted', lowPorts.source);
    }
    addRange(`${protocol} ephemeral ports`, ephemeralPorts);
    if (acks) add(`${protocol} acknowledgments`, acks.acks, acks.source);
  }
  addRange('explicit bind ports', profile.explicitBindPorts);
  if (profile.autoSmc) add('automatic SMC', profile.autoSmc.isOn ? 'on' : 'off', profile.autoSmc.source);
  for (const { procedure, job, source } of profile.autolog) {
    add('autolog', procedure === job ? procedure : `${procedure} as ${job}`, source);
  }
  return rows;
}

/** The options of a row in profile syntax, without defaults. */
export function optionWords(row: PortRow): string[] {
  const { rsvOptions, unrsvOptions, flags, useType, bindAddr, safname } = row;
  if (flags.UNRSV) {
    const when = unrsvOptions.WHENLISTEN ? 'WHENLISTEN' : 'WHENBIND';
    return [...(unrsvOptions.DENY ? ['DENY'] : []), ...(unrsvOptions.SAF ? [`SAF ${safname}`] : []), when];
  }
  if (useType !== 'JOBNAME') return [];
  return [
    ...(rsvOptions.AUTOLOG ? [] : ['NOAUTOLOG']),
    ...(flags.TCP && !rsvOptions.DELAYACKS ? ['NODELAYACKS'] : []),
    ...(rsvOptions.SHAREPORT ? ['SHAREPORT'] : []),
    ...(rsvOptions.SHAREPORTWLM ? ['SHAREPORTWLM'] : []),
    ...(rsvOptions.BIND ? [`BIND ${bindAddr}`] : []),
    ...(rsvOptions.SAF ? [`SAF ${safname}`] : []),
    ...(rsvOptions.NOSMC ? ['NOSMC'] : []),
    ...(rsvOptions.SMC ? ['SMC'] : []),
  ];
}

/** The heading that `netstat -o` prints, and `NETSTAT PORTLIST`. */
const PORTLIST_HEADING = [
  'Port# Prot User     Flags    Range       IP Address      SAF Name',
  '----- ---- ----     -----    -----       ----------      --------',
];

/**
 * The lines of NETSTAT PORTLIST, UNRSV first, as on z/OS. Only the documented flags are used: A AUTOLOG, D DELAYACKS,
 * F SAF, L WHENLISTEN, R PORTRANGE. `omitted` lists the options without a flag.
 */
export function portList(rows: readonly PortRow[]): {
  readonly lines: readonly string[];
  readonly omitted: string[];
} {
  const ordered = [...rows.filter(({ flags }) => flags.UNRSV), ...rows.filter(({ flags }) => !flags.UNRSV)];
  const omitted = new Map<string, number>();
  for (const row of ordered) {
    for (const option of omittedOptions(row)) omitted.set(option, (omitted.get(option) ?? 0) + 1);
  }
  return {
    lines: [...PORTLIST_HEADING, ...ordered.map(portListLine)],
    omitted: [...omitted].map(
      ([option, count]) => `${option} (${count} ${count === 1 ? 'entry' : 'entries'})`,
    ),
  };
}

function portListLine(row: PortRow): string {
  const { flags, portNumber, portNumberEnd, useType, jobname, bindAddr, safname } = row;
  const columns: readonly (readonly [text: string, width: number])[] = [
    [flags.UNRSV ? 'UNRSV' : digits(portNumber), 5],
    [flags.TCP ? 'TCP' : 'UDP', 4],
    [useType === 'JOBNAME' ? jobname : useType, 8],
    [flagLetters(row), 8],
    [flags.RANGE ? `${digits(portNumber)}-${digits(portNumberEnd)}` : '', 11],
    [bindAddr, 15],
    [safname, 8],
  ];
  return columns
    .map(([text, width]) => text.padEnd(width))
    .join(' ')
    .trimEnd();
}

const digits = (port: number) => `${port}`.padStart(5, '0');

function flagLetters({ flags, rsvOptions, unrsvOptions }: PortRow): string {
  const letters = [
    rsvOptions.DELAYACKS && 'D',
    rsvOptions.AUTOLOG && 'A',
    flags.RANGE && 'R',
    (rsvOptions.SAF || unrsvOptions.SAF) && 'F',
    unrsvOptions.WHENLISTEN && 'L',
  ];
  return letters.filter((letter) => letter !== false).join('');
}

/** The options of a row without a flag; the address shows BIND. */
function omittedOptions({ rsvOptions, unrsvOptions }: PortRow): string[] {
  const options = { ...rsvOptions, ...unrsvOptions };
  return WITHOUT_FLAG.filter((option) => options[option]);
}

const WITHOUT_FLAG = ['SHAREPORT', 'SHAREPORTWLM', 'NOSMC', 'SMC', 'DENY', 'WHENBIND'] as const;
