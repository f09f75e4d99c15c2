// Parses RPC programs and versions on the command line, and knows the names of programs on this host.
import { readFileSync } from 'node:fs';
import { PortreeveError } from '../../base/errors.ts';
import { parseDecimal } from '../../base/port.ts';
import { parseEtcRpc, RpcNames } from '../../names/core/rpc-programs.ts';

/** The highest version, of 32 bits (RFC 5531 section 9). */
export const VERSION_MAX = 0xffffffff;

/** A program of the command line. */
interface NamedProgram {
  readonly number: number;
  readonly name: string | undefined;
  /** As it is printed: "program 100005 (mountd)". */
  readonly label: string;
}

/** The names of /etc/rpc, and the well-known names for programs that it does not have. */
export function hostRpcNames(): RpcNames {
  return new RpcNames(parseEtcRpc(etcRpc()));
}

function etcRpc(): string {
  try {
    return readFileSync('/etc/rpc', 'utf8');
  } catch {
    return '';
  }
}

/** Reads a program's number or name. Throws PortreeveError (usage) `PROGRAM_UNKNOWN`. */
export function parseProgram(text: string): NamedProgram {
  const names = hostRpcNames();
  const number = names.numberOf(text);
  if (number === undefined) {
    const hint = 'Use its number, or a name from /etc/rpc.';
    throw new PortreeveError('PROGRAM_UNKNOWN', `"${text}" is not a known RPC program`, hint);
  }
  const name = names.nameOf(number);
  return { number, name, label: name === undefined ? `program ${number}` : `program ${number} (${name})` };
}

/** Reads a version. Throws PortreeveError (usage) `VERSION_INVALID`. */
export function parseVersion(text: string): number {
  const version = parseDecimal(text, VERSION_MAX);
  if (version !== undefined) return version;
  const hint = `A version is a number from 0 to ${VERSION_MAX}.`;
  throw new PortreeveError('VERSION_INVALID', `"${text}" is not a version`, hint);
}
