// The decision whether a program may bind a port, and the rule that decides. The order of the checks is that of z/OS.
import { type IpAddress, isWildcard } from '../../base/address.ts';
import { LOW_PORTS_END } from '../../base/port.ts';
import type { RuleSource } from './rules.ts';
import type { PortRule, ProtocolRules, RuleTable } from './table.ts';
import type { Allowed, BindRequest, Denied, Reason, Verdict } from './verdict.ts';

/** Decides a bind(2) or a listen(2). Pure: the same table and the same request give the same verdict. */
export function decide(table: RuleTable, request: BindRequest): Verdict {
  const rules = table[request.protocol];
  if (request.operation === 'listen') return decideListen(table, rules, request);
  if (request.port === 0) return decideAnyPort(table, rules, request);
  const first = rules.at(request.port);
  if (first) return decideReserved(table, rules, request, first);
  if (request.port < LOW_PORTS_END) return decideLow(table, rules, request);
  return (
    decideUnreserved(table, rules, request, 'WHENBIND') ?? allowed(rules, request, 'UNRESERVED', undefined)
  );
}

/** listen(2) checks only the UNRSV entries with WHENLISTEN: everything else was decided at bind(2). */
function decideListen(table: RuleTable, rules: ProtocolRules, request: BindRequest): Verdict {
  const isFree = request.protocol === 'tcp' && request.port !== 0 && !rules.at(request.port);
  const isLow = request.port < LOW_PORTS_END && rules.settings.lowPorts?.isRestricted === true;
  const verdict = isFree && !isLow ? decideUnreserved(table, rules, request, 'WHENLISTEN') : undefined;
  return verdict ?? allowed(rules, request, 'UNRESERVED', undefined);
}

/** Port 0: the kernel assigns a port, which is never a reserved one. UNRSV does not apply. */
function decideAnyPort({ profile }: RuleTable, rules: ProtocolRules, request: BindRequest): Verdict {
  const explicit = request.protocol === 'tcp' && isAnyAddress(request.address) && profile.explicitBindPorts;
  const range = explicit || rules.settings.ephemeralPorts;
  const verdict = allowed(rules, request, 'PORT_ZERO', range?.source);
  if (!range) return verdict;
  return { ...verdict, assignedFrom: range === explicit ? 'EXPLICITBINDPORTRANGE' : 'EPHEMERALPORTS' };
}

function decideReserved(
  table: RuleTable,
  rules: ProtocolRules,
  request: BindRequest,
  first: PortRule,
): Verdict {
  if (first.isBlocked) return denied('RESERVED_FOR_NO_ONE', first.source);
  const rule = rules.find(first, request);
  if (!rule) return denied('RESERVED_FOR_OTHERS', first.source);
  const { saf, bind, isShared, acks, smc } = rule.terms;
  if (saf !== undefined && !isPermitted(table, saf, request)) return denied('SAF_NOT_PERMITTED', rule.source);
  return {
    allowed: true,
    reason: 'RESERVED_FOR_JOB',
    rule: rule.source,
    address: bind && boundAddress(bind, request.address),
    isShared,
    acks,
    smc,
    lowPortGranted: request.port < LOW_PORTS_END && !request.lowPortCapable,
    assignedFrom: undefined,
  };
}

/** A port below 1024 that is not reserved. With RESTRICTLOWPORTS, UNRSV does not apply. */
function decideLow(table: RuleTable, rules: ProtocolRules, request: BindRequest): Verdict {
  const { lowPorts } = rules.settings;
  if (lowPorts?.isRestricted) {
    if (request.lowPortCapable) return allowed(rules, request, 'UNRESERVED', lowPorts.source);
    return denied('LOW_PORT_RESTRICTED', lowPorts.source);
  }
  const unreserved = decideUnreserved(table, rules, request, 'WHENBIND');
  if (unreserved?.allowed === false) return unreserved;
  const verdict = unreserved ?? allowed(rules, request, 'UNRESERVED', lowPorts?.source);
  if (lowPorts) return { ...verdict, lowPortGranted: !request.lowPortCapable };
  return request.lowPortCapable ? verdict : denied('LOW_PORT_OF_LINUX', undefined);
}

/** The verdict of the UNRSV entries that apply at this operation; undefined if there are none. */
function decideUnreserved(
  table: RuleTable,
  rules: ProtocolRules,
  request: BindRequest,
  when: 'WHENBIND' | 'WHENLISTEN',
): Verdict | undefined {
  const { unreserved } = rules;
  if (unreserved?.when !== when) return undefined;
  const rule = unreserved.find(request.job);
  if (!rule) return denied('UNRESERVED_FOR_OTHERS', unreserved.first.source);
  if (rule.isDenied) return denied('UNRESERVED_DENIED', rule.source);
  if (rule.saf !== undefined && !isPermitted(table, rule.saf, request)) {
    return denied('SAF_NOT_PERMITTED', rule.source);
  }
  return allowed(rules, request, 'UNRESERVED_FOR_JOB', rule.source);
}

function isPermitted({ context }: RuleTable, resname: string, { uid, groups }: BindRequest): boolean {
  return context.saf.check(resname, uid, groups).permitted;
}

function denied(reason: Reason, rule: RuleSource | undefined): Denied {
  return { allowed: false, reason, errno: 'EACCES', rule };
}

/** Allowed, without the options of a reservation. */
function allowed(
  rules: ProtocolRules,
  { protocol }: BindRequest,
  reason: Reason,
  rule: RuleSource | undefined,
): Allowed {
  return {
    allowed: true,
    reason,
    rule,
    address: undefined,
    isShared: false,
    acks: protocol === 'tcp' ? rules.settings.acks?.acks : undefined,
    smc: undefined,
    lowPortGranted: false,
    assignedFrom: undefined,
  };
}

/** 0.0.0.0, ::, and ::ffff:0.0.0.0 */
function isAnyAddress(address: IpAddress): boolean {
  return isWildcard(address) || isMappedWildcard(address);
}

/** ::ffff:0.0.0.0 (RFC 4291 2.5.5.2) */
function isMappedWildcard({ family, bytes }: IpAddress): boolean {
  return family === 6 && MAPPED_WILDCARD.every((byte, i) => bytes[i] === byte);
}

const MAPPED_WILDCARD = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0] as const;

/**
 * BIND: the address that replaces a requested wildcard. An IPv4 address serves IPv6 sockets in its mapped form; an
 * IPv6 address "is ignored for IPv4 listeners". Undefined: the requested address stays.
 */
function boundAddress(bind: IpAddress, requested: IpAddress): IpAddress | undefined {
  if (requested.family === 4) return bind.family === 4 && isWildcard(requested) ? bind : undefined;
  if (isMappedWildcard(requested)) return bind.family === 4 ? mapped(bind) : undefined;
  if (!isWildcard(requested)) return undefined;
  return bind.family === 4 ? mapped(bind) : bind;
}

function mapped({ bytes }: IpAddress): IpAddress {
  return { family: 6, bytes: new Uint8Array([...MAPPED_WILDCARD.slice(0, 12), ...bytes]) };
}
