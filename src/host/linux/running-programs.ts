// Lists the programs running on this host, by the command lines of processes (proc_pid_cmdline(5)).
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { PID_MAX } from '../../base/limits.ts';
import { parseDecimal } from '../../base/port.ts';

/** Longer command lines are truncated. */
const COMMAND_MAX_CHARACTERS = 16_384;
/** Interpreters: their script counts as the program. */
const INTERPRETER = /^(?:python[0-9.]*|perl|ruby|node|sh|bash|dash)$/;

/** A process with a command line. Kernel threads have none. */
interface RunningProgram {
  /** The base name of the program, or of its script. */
  readonly name: string;
  /** The command line, separated by spaces. */
  readonly command: string;
}

/**
 * The visible processes, except those known to be in another network namespace, such as containers. Processes that exit
 * during the call are skipped.
 */
export function runningPrograms(): RunningProgram[] {
  const here = networkOf('self');
  const pids = readdirSync('/proc').filter((name) => parseDecimal(name, PID_MAX) !== undefined);
  return pids.flatMap((pid) => {
    const words = commandOf(pid).split('\0');
    const name = nameOf(words);
    if (name === '' || (networkOf(pid) ?? here) !== here) return [];
    return [{ name, command: words.join(' ').trim().slice(0, COMMAND_MAX_CHARACTERS) }];
  });
}

/** Undefined without permission: it requires the right to trace the process (ptrace(2)). */
function networkOf(pid: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return undefined;
  }
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

/** The name of the program of a command line. Options of an interpreter before its script are skipped. */
export function nameOf([program = '', ...args]: readonly string[]): string {
  const name = basename(program);
  if (!INTERPRETER.test(name)) return name;
  const script = args.find((word) => word !== '' && !word.startsWith('-'));
  return script === undefined ? name : basename(script);
}
