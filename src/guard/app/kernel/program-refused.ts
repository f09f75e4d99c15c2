// A program of the guard that the kernel refuses: what its verifier complains of, and which instruction it means.
import { PortreeveError } from '../../../base/errors.ts';
import type { Program } from '../../../bpf/program.ts';
import { verifierSummary } from '../../../bpf/verifier-log.ts';

/** The error for a program that was refused, `BPF_PROGRAM_REFUSED` (world), with a summary; any other as it is. */
export function explained(thrown: unknown, program: Program): unknown {
  if (!(thrown instanceof PortreeveError) || thrown.code !== 'BPF_PROGRAM_REFUSED') return thrown;
  const { code, message, hint, data } = thrown;
  const log = typeof data['log'] === 'string' ? data['log'] : '';
  return new PortreeveError(code, `${message}: ${verifierSummary(log, program)}`, hint, data);
}
