// The log of the kernel's verifier: which of its lines say what is wrong, and which instruction of ours is meant.
import { parseDecimal } from '../base/port.ts';
import { listed, type Program } from './program.ts';

/** kernel/bpf/verifier.c: BPF_COMPLEXITY_LIMIT_INSNS, which no program of ours has more instructions than. */
const INDEX_MAX = 1_000_000;
/** A complaint may have more lines; the first ones say it. */
const COMPLAINT_LINES = 3;

/** "6: (71) r1 = *(u8 *)(r0 +0)": an instruction that was walked. */
const INSTRUCTION = /^(\d+): \([0-9a-f]{2}\) (.*?)(?: {2,};.*)?$/;
/** What is known of the registers, and what the walk took: no complaint. */
const NOISE = [
  /^\d+: R\d/,
  /^from \d+ to \d+/,
  /^(?:cur|old) state:/,
  /^func#\d+ @\d+/,
  /^(?:processed \d+ insns|verification time|stack depth|mark_precise:|;|$)/,
];
/** "infinite loop detected at insn 3", "unreachable insn 1": where the complaint says it itself. */
const PLACE = /\binsn (\d+)/;

/**
 * What the verifier complains of, with the instruction and its comment: "R0 invalid mem access 'map_value_or_null',
 * at 6: r1 = *(u8 *)(r0 +0) ; the rule". The log may have lost its beginning.
 */
export function verifierSummary(log: string, program?: Program): string {
  const lines = log.split('\n').map((line) => line.trimEnd());
  const last = lines.findLastIndex((line) => INSTRUCTION.test(line));
  const said = lines.slice(last + 1).filter((line) => !NOISE.some((noise) => noise.test(line)));
  const complaint = said.slice(0, COMPLAINT_LINES).join('; ') || 'the verifier does not say why';
  const [, walked, text] = INSTRUCTION.exec(lines[last] ?? '') ?? [];
  const named = PLACE.exec(complaint)?.[1];
  const at = parseDecimal(named ?? walked ?? '', INDEX_MAX);
  if (at === undefined) return complaint;
  const theirs = named === undefined || named === walked ? `${at}: ${text}` : `${at}`;
  const ours = program && listed(program, at)?.replace(/ +;/, ' ;');
  return `${complaint}, at ${ours ?? theirs}`;
}
