// BPXPRMxx: the ports that common INET keeps for bind(2) to port 0 and any address, in a parmlib member of z/OS UNIX.
import { hasWildcard, jobPatternProblem } from '../../base/job.ts';
import { PORT_MAX, type Port, parseDecimal } from '../../base/port.ts';
import { Findings, listed, shown, type TextSource } from '../../text/findings.ts';
import type { Diagnostic, Place } from '../../text/source.ts';
import { type ParmStatement, type ParmWord, parmStatements } from './bpxprm-statements.ts';

/** Ports from `first` to `last`, for binds to port 0 and any address, of IPv4 and of IPv6. */
export interface InaddrAnyRange {
  readonly first: Port;
  readonly last: Port;
  readonly domain: 'AF_INET';
  /** The NETWORK statement. */
  readonly place: Place;
}

/** What counts here, and what is said about the text. */
export interface BpxprmText {
  readonly ranges: readonly InaddrAnyRange[];
  /** The job of the z/OS UNIX kernel, in capitals (STARTUP_PROC); undefined is unsaid: OMVS. */
  readonly kernelJob: string | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

/** What holds where neither is said (BPXF212I). */
const DEFAULT_PORT = 63000 as Port;
const DEFAULT_COUNT = 1000;

/** The names of skipped statements that are listed. */
const SKIPPED_MAX = 20;

/**
 * Reads the NETWORK statements of a member, and STARTUP_PROC; every other statement is skipped. A statement in which
 * something is wrong is told and does not count.
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
      if (range && first) tellTwice(statement, first, findings);
      if (range) ranges.push(range);
    } else if (statement.name.text === 'STARTUP_PROC') {
      kernelJob = jobOf(statement.name, findings) ?? kernelJob;
    } else {
      skipped.push(statement);
    }
  }
  tellSkipped(skipped, findings);
  return { ranges, kernelJob, diagnostics: findings.diagnostics() };
}

/** The job that STARTUP_PROC names. */
function jobOf(name: ParmWord, findings: Findings): string | undefined {
  const job = (name.value ?? '').toUpperCase();
  const problem =
    job === '' ? 'it is empty' : hasWildcard(job) ? 'it is one job' : jobPatternProblem(job, true);
  if (problem === undefined) return job;
  const message = `${shown(name.value ?? '')} is no job that STARTUP_PROC can name: ${problem}`;
  findings.error(name, { code: 'BPXPRM_STARTUP_PROC', message, hint: 'Such as: STARTUP_PROC(OMVS)' });
  return undefined;
}

class Network {
  readonly #name: ParmWord;
  readonly #findings: Findings;
  readonly #operands = new Map<string, ParmWord>();
  #isWrong = false;

  constructor({ name, operands }: ParmStatement, findings: Findings) {
    this.#name = name;
    this.#findings = findings;
    if (name.value !== undefined) this.#wrong(name, 'NETWORK itself has no value in parentheses');
    for (const operand of operands) {
      if (this.#operands.has(operand.text)) this.#wrong(operand, `${operand.text} stands here a second time`);
      if (operand.value === undefined) this.#wrong(operand, `${operand.text} needs a value in parentheses`);
      this.#operands.set(operand.text, operand);
    }
  }

  range(): InaddrAnyRange | undefined {
    const domain = this.#needed('DOMAINNAME');
    const type = this.#needed('TYPE');
    const port = this.#operands.get('INADDRANYPORT');
    const count = this.#operands.get('INADDRANYCOUNT');
    if (this.#isWrong) return undefined;
    if (domain !== 'AF_INET' || type !== 'CINET') {
      for (const operand of [port, count]) {
        if (operand) this.#tellPassedOver(operand, domain);
      }
      return undefined;
    }
    if (!port && !count) return this.#default();
    if (!port) {
      this.#wrong(
        this.#name,
        'INADDRANYCOUNT needs INADDRANYPORT',
        'It is the port that the count begins with.',
      );
      return undefined;
    }
    return count ? this.#counted(port, count) : this.#none(port);
  }

  /** "If both are omitted": BPXF212I. */
  #default(): InaddrAnyRange {
    this.#findings.warning(this.#name, {
      code: 'BPXPRM_DEFAULT',
      message: `neither INADDRANYPORT nor INADDRANYCOUNT is said: they are ${DEFAULT_PORT} and ${DEFAULT_COUNT}`,
      hint: 'Write both, so that the profile can be held to them.',
      zos: 'BPXF212I',
    });
    return this.#ports(DEFAULT_PORT, DEFAULT_COUNT);
  }

  /** "If you do not want to support any reserved ports, then specify INADDRANYPORT(xxx) without INADDRANYCOUNT". */
  #none(port: ParmWord): undefined {
    if (this.#number(port) === undefined) return undefined;
    const message =
      'INADDRANYPORT without INADDRANYCOUNT: no ports are kept for bind() to port 0 and any address';
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
      const message = `${count} ports from ${port} end behind ${PORT_MAX}, the last port there is`;
      this.#wrong(countWord, message, `From ${port} there are ${PORT_MAX - port + 1}.`);
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
    this.#wrong(word, `${shown(word.value ?? '')} is not ${what}`, `It is a number from 1 to ${PORT_MAX}.`);
    return undefined;
  }

  #needed(name: string): string {
    const value = this.#operands.get(name)?.value;
    const hint =
      'NETWORK DOMAINNAME(AF_INET) DOMAINNUMBER(2) MAXSOCKETS(64000) TYPE(CINET) INADDRANYPORT(40000) …';
    if (!this.#operands.has(name)) this.#wrong(this.#name, `NETWORK needs ${name}`, hint);
    return value?.toUpperCase() ?? '';
  }

  #tellPassedOver(operand: ParmWord, domain: string): void {
    const isSixth = domain === 'AF_INET6';
    this.#findings.notice(operand, {
      code: 'BPXPRM_PASSED_OVER',
      message: `${operand.text} is passed over here`,
      hint: isSixth
        ? 'What is said for AF_INET counts for AF_INET6 too.'
        : 'It counts for AF_INET and TYPE(CINET) only.',
    });
  }

  #wrong(word: ParmWord, message: string, hint = ''): void {
    this.#isWrong = true;
    this.#findings.error(word, { code: 'BPXPRM_NETWORK', message, hint });
  }
}

function tellTwice({ name }: ParmStatement, first: InaddrAnyRange, findings: Findings): void {
  const related = { place: first.place, text: 'the first one' };
  const message = 'a second NETWORK for AF_INET and CINET: both ranges are looked at';
  findings.warning(name, { code: 'BPXPRM_TWICE', message, related });
}

function tellSkipped(skipped: readonly ParmStatement[], findings: Findings): void {
  const [first] = skipped;
  if (!first) return;
  const names = [...new Set(skipped.map(({ name }) => shown(name.text).slice(1, -1)))];
  const message = `${skipped.length} statements are skipped: ${listed(names, SKIPPED_MAX)}`;
  findings.notice(first.name, {
    code: 'BPXPRM_SKIPPED',
    message,
    hint: 'Only NETWORK has to do with ports.',
  });
  for (const { name, operands } of skipped) {
    for (const operand of operands) {
      if (!operand.text.startsWith('INADDRANY')) continue;
      const strayed = `${operand.text} belongs to NETWORK, and stands in ${shown(name.text)}`;
      findings.warning(operand, { code: 'BPXPRM_STRAYED', message: strayed });
    }
  }
}
