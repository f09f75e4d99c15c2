// Summarizes the log of the kernel's verifier: the error, and the instruction that caused it.
import { parseDecimal } from '../base/port.ts';
import { listed, type Program } from './program.ts';

/** kernel/bpf/verifier.c: BPF_COMPLEXITY_LIMIT_INSNS. */
const INDEX_MAX = 1_000_000;
/** An error may have more lines. The first are sufficient. */
const ERROR_LINES = 3;

/** "6: (71) r1 = *(u8 *)(r0 +0)": an instruction that the verifier processed. */
const INSTRUCTION = /^(\d+): \([0-9a-f]{2}\) (.*?)(?: {2,};.*)?$/;
/** Register states and statistics, which are not errors. */
const NOISE = [
  /^\d+: R\d/,
  /^from \d+ to \d+/,
  /^(?:cur|old) state:/,
  /^func#\d+ @\d+/,
  /^(?:processed \d+ insns|verification time|stack depth|mark_precise:|;|$)/,
];
/** "infinite loop detected at insn 3", "unreachable insn 1": an error that names the instruction. */
const PLACE = /\binsn (\d+)/;

/**
 * The error with the instruction and its comment: "R0 invalid mem access 'map_value_or_null', at 6: r1 = *(u8 *)(r0 +0)
 * ; the rule". The beginning of the log may be missing.
 */
export function verifierSummary(log: string, program?: Program): string {
  const lines = log.split('\n').map((line) => line.trimEnd());
  const last = lines.findLastIndex((line) => INSTRUCTION.test(line));
  const relevant = lines.slice(last + 1).filter((line) => !NOISE.some((noise) => noise.test(line)));
  const error = relevant.slice(0, ERROR_LINES).join('; ') || 'the verifier gave no reason';
  const [, walked, text] = INSTRUCTION.exec(lines[last] ?? '') ?? [];
  const named = PLACE.exec(error)?.[1];
  const at = parseDecimal(named ?? walked ?? '', INDEX_MAX);
  if (at === undefined) return error;
  const raw = named === undefined || named === walked ? `${at}: ${text}` : `${at}`;
  const annotated = program && listed(program, at)?.replace(/ +;/, ' ;');
  return `${error}, at ${annotated ?? raw}`;
}
