// Parses BPXPRMxx, a parmlib member of z/OS UNIX, for the ports that common INET assigns at bind(2) to port 0 and the
// wildcard address.
import { hasWildcard, jobPatternProblem } from '../../base/job.ts';
import { PORT_MAX, type Port, parseDecimal } from '../../base/port.ts';
import { Findings, listed, shown, type TextSource } from '../../text/findings.ts';
import type { Diagnostic, Place } from '../../text/source.ts';
import { type ParmStatement, type ParmWord, parmStatements } from './bpxprm-statements.ts';

/** The ports assigned for bind(2) to port 0 and the wildcard address, of IPv4 and of IPv6. */
export interface InaddrAnyRange {
  readonly first: Port;
  readonly last: Port;
  readonly domain: 'AF_INET';
  /** The NETWORK statement. */
  readonly place: Place;
}

/** The relevant contents of a member, and its diagnostics. */
export interface BpxprmText {
  readonly ranges: readonly InaddrAnyRange[];
  /** The job of the z/OS UNIX kernel, in upper case (STARTUP_PROC); undefined if not given: OMVS. */
  readonly kernelJob: string | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

/** The defaults if neither is given (BPXF212I). */
const DEFAULT_PORT = 63000 as Port;
const DEFAULT_COUNT = 1000;

/** How many names of skipped statements are listed. */
const SKIPPED_MAX = 20;

/**
 * Reads the NETWORK statements and STARTUP_PROC of a member; other statements are skipped. A statement with an error is
 * reported and ignored.
 */
export function parseBpxprm(source: TextSource): BpxprmText {
  const findings = new Findings(source);
  const ranges: InaddrAnyRange[] = [];
  const skipped: ParmStatement[] = [];
  let kernelJob: string | undefined;
  for (const statement of parmStatements(source.text, findings)) {
    if (statement.name.text === 'NETWORK') {
      const range = new Network(statement, findings).range();
      const [first] = ranges;
      if (range && first) reportSecond(statement, first, findings);
      if (range) ranges.push(range);
    } else if (statement.name.text === 'STARTUP_PROC') {
      kernelJob = jobOf(statement.name, findings) ?? kernelJob;
    } else {
      skipped.push(statement);
    }
  }
  reportSkipped(skipped, findings);
  return { ranges, kernelJob, diagnostics: findings.diagnostics() };
}

/** The job that STARTUP_PROC names. */
function jobOf(name: ParmWord, findings: Findings): string | undefined {
  const job = (name.value ?? '').toUpperCase();
  const problem =
    job === '' ? 'it is empty' : hasWildcard(job) ? 'it has a wildcard' : jobPatternProblem(job, true);
  if (problem === undefined) return job;
  const message = `${shown(name.value ?? '')} is not a job name for STARTUP_PROC: ${problem}`;
  findings.error(name, { code: 'BPXPRM_STARTUP_PROC', message, hint: 'For example: STARTUP_PROC(OMVS)' });
  return undefined;
}

class Network {
  readonly #name: ParmWord;
  readonly #findings: Findings;
  readonly #operands = new Map<string, ParmWord>();
  #hasError = false;

  constructor({ name, operands }: ParmStatement, findings: Findings) {
    this.#name = name;
    this.#findings = findings;
    if (name.value !== undefined) this.#error(name, 'NETWORK itself has no value in parentheses');
    for (const operand of operands) {
      if (this.#operands.has(operand.text)) this.#error(operand, `${operand.text} is given twice`);
      if (operand.value === undefined) this.#error(operand, `${operand.text} needs a value in parentheses`);
      this.#operands.set(operand.text, operand);
    }
  }

  range(): InaddrAnyRange | undefined {
    const domain = this.#required('DOMAINNAME');
    const type = this.#required('TYPE');
    const port = this.#operands.get('INADDRANYPORT');
    const count = this.#operands.get('INADDRANYCOUNT');
    if (this.#hasError) return undefined;
    if (domain !== 'AF_INET' || type !== 'CINET') {
      for (const operand of [port, count]) {
        if (operand) this.#reportIgnored(operand, domain);
      }
      return undefined;
    }
    if (!port && !count) return this.#default();
    if (!port) {
      this.#error(
        this.#name,
        'INADDRANYCOUNT needs INADDRANYPORT',
        'INADDRANYPORT is the first port of the range.',
      );
      return undefined;
    }
    return count ? this.#counted(port, count) : this.#none(port);
  }

  /** "If both are omitted": BPXF212I. */
  #default(): InaddrAnyRange {
    this.#findings.warning(this.#name, {
      code: 'BPXPRM_DEFAULT',
      message: `INADDRANYPORT and INADDRANYCOUNT are not given: the defaults are ${DEFAULT_PORT} and ${DEFAULT_COUNT}`,
      hint: 'Write both, so that the profile can be checked against them.',
      zos: 'BPXF212I',
    });
    return this.#ports(DEFAULT_PORT, DEFAULT_COUNT);
  }

  /** "If you do not want to support any reserved ports, then specify INADDRANYPORT(xxx) without INADDRANYCOUNT". */
  #none(port: ParmWord): undefined {
    if (this.#number(port) === undefined) return undefined;
    const message =
      'INADDRANYPORT without INADDRANYCOUNT: no ports are set aside for bind() to port 0 and the wildcard address';
    this.#findings.notice(port, {
      code: 'BPXPRM_NONE_KEPT',
      message,
      hint: 'Such a bind fails.',
      zos: 'BPXF210I',
    });
    return undefined;
  }

  #counted(portWord: ParmWord, countWord: ParmWord): InaddrAnyRange | undefined {
    const port = this.#number(portWord);
    const count = this.#number(countWord);
    if (port === undefined || count === undefined) return undefined;
    if (port + count - 1 > PORT_MAX) {
      const message = `${count} ports from ${port} exceed ${PORT_MAX}, the highest port`;
      this.#error(countWord, message, `Write at most ${PORT_MAX - port + 1}.`);
      return undefined;
    }
    return this.#ports(port, count);
  }

  #ports(first: Port, count: number): InaddrAnyRange {
    const place = this.#findings.place(this.#name);
    return { first, last: (first + count - 1) as Port, domain: 'AF_INET', place };
  }

  #number(word: ParmWord): Port | undefined {
    const number = parseDecimal(word.value ?? '', PORT_MAX);
    if (number !== undefined && number > 0) return number as Port;
    const what = word.text === 'INADDRANYPORT' ? 'a port' : 'a number of ports';
    this.#error(word, `${shown(word.value ?? '')} is not ${what}`, `Write a number from 1 to ${PORT_MAX}.`);
    return undefined;
  }

  #required(name: string): string {
    const value = this.#operands.get(name)?.value;
    const hint =
      'NETWORK DOMAINNAME(AF_INET) DOMAINNUMBER(2) MAXSOCKETS(64000) TYPE(CINET) INADDRANYPORT(40000) …';
    if (!this.#operands.has(name)) this.#error(this.#name, `NETWORK needs ${name}`, hint);
    return value?.toUpperCase() ?? '';
  }

  #reportIgnored(operand: ParmWord, domain: string): void {
    const isIpv6 = domain === 'AF_INET6';
    this.#findings.notice(operand, {
      code: 'BPXPRM_PASSED_OVER',
      message: `${operand.text} is ignored here`,
      hint: isIpv6
        ? 'The value of AF_INET applies to AF_INET6 too.'
        : 'It applies to AF_INET and TYPE(CINET) only.',
    });
  }

  #error(word: ParmWord, message: string, hint = ''): void {
    this.#hasError = true;
    this.#findings.error(word, { code: 'BPXPRM_NETWORK', message, hint });
  }
}

function reportSecond({ name }: ParmStatement, first: InaddrAnyRange, findings: Findings): void {
  const related = { place: first.place, text: 'the first one' };
  const message = 'a second NETWORK for AF_INET and CINET: both ranges are checked';
  findings.warning(name, { code: 'BPXPRM_TWICE', message, related });
}

function reportSkipped(skipped: readonly ParmStatement[], findings: Findings): void {
  const [first] = skipped;
  if (!first) return;
  const names = [...new Set(skipped.map(({ name }) => shown(name.text).slice(1, -1)))];
  const message = `${skipped.length} statements are skipped: ${listed(names, SKIPPED_MAX)}`;
  findings.notice(first.name, {
    code: 'BPXPRM_SKIPPED',
    message,
    hint: 'Only NETWORK concerns ports.',
  });
  for (const { name, operands } of skipped) {
    for (const operand of operands) {
      if (!operand.text.startsWith('INADDRANY')) continue;
      const strayed = `${operand.text} is an operand of NETWORK, not of ${shown(name.text)}`;
      findings.warning(operand, { code: 'BPXPRM_STRAYED', message: strayed });
    }
  }
}
