// The decision: may this program have this port, and which rule says so. The order is that of z/OS.
import { type IpAddress, isWildcard } from '../../base/address.ts';
import { LOW_PORTS_END } from '../../base/port.ts';
import type { RuleSource } from './rules.ts';
import type { PortRule, ProtocolRules, RuleTable } from './table.ts';
import type { Allowed, BindRequest, Denied, Reason, Verdict } from './verdict.ts';

/** Judges a bind(2) or a listen(2). Pure: the same table and the same request give the same verdict. */
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

/** Nothing is judged again that was judged when it was bound: only what WHENLISTEN puts off. */
function decideListen(table: RuleTable, rules: ProtocolRules, request: BindRequest): Verdict {
  const isFree = request.protocol === 'tcp' && request.port !== 0 && !rules.at(request.port);
  const isLow = request.port < LOW_PORTS_END && rules.settings.lowPorts?.isRestricted === true;
  const verdict = isFree && !isLow ? decideUnreserved(table, rules, request, 'WHENLISTEN') : undefined;
  return verdict ?? allowed(rules, request, 'UNRESERVED', undefined);
}

/** Port 0: the kernel chooses. UNRSV is not asked, and reserved ports are none of those that it may choose. */
function decideAnyPort({ profile }: RuleTable, rules: ProtocolRules, request: BindRequest): Verdict {
  const explicit = request.protocol === 'tcp' && isAnyAddress(request.address) && profile.explicitBindPorts;
  const pool = explicit || rules.settings.ephemeralPorts;
  const verdict = allowed(rules, request, 'PORT_ZERO', pool?.source);
  if (!pool) return verdict;
  return { ...verdict, pool: pool === explicit ? 'EXPLICITBINDPORTRANGE' : 'EPHEMERALPORTS' };
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
    pool: undefined,
  };
}

/** A port below 1024 that is not reserved. With RESTRICTLOWPORTS, UNRSV has no say. */
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

/** What the entries of UNRSV say that apply at this operation; undefined where there are none. */
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

/** Allowed, without what a reservation gives. */
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
    pool: undefined,
  };
}

/** 0.0.0.0, ::, and the former as an IPv6 socket says it. */
function isAnyAddress(address: IpAddress): boolean {
  return isWildcard(address) || isMappedWildcard(address);
}

/** ::ffff:0.0.0.0 (RFC 4291 2.5.5.2) */
function isMappedWildcard({ family, bytes }: IpAddress): boolean {
  return family === 6 && MAPPED_WILDCARD.every((byte, i) => bytes[i] === byte);
}

const MAPPED_WILDCARD = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0] as const;

/**
 * BIND: the address that a socket gets that asked for all. An IPv4 address serves IPv6 sockets in its mapped form; an
 * IPv6 address "is ignored for IPv4 listeners". Undefined: what was asked for stays.
 */
function boundAddress(bind: IpAddress, asked: IpAddress): IpAddress | undefined {
  if (asked.family === 4) return bind.family === 4 && isWildcard(asked) ? bind : undefined;
  if (isMappedWildcard(asked)) return bind.family === 4 ? mapped(bind) : undefined;
  if (!isWildcard(asked)) return undefined;
  return bind.family === 4 ? mapped(bind) : bind;
}

function mapped({ bytes }: IpAddress): IpAddress {
  return { family: 6, bytes: new Uint8Array([...MAPPED_WILDCARD.slice(0, 12), ...bytes]) };
}
