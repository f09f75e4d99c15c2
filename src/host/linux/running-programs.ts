// The programs that run on this host, by the command lines of its processes (proc_pid_cmdline(5)).
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { PID_MAX } from '../../base/limits.ts';
import { parseDecimal } from '../../base/port.ts';

/** What is told of a command line. */
const COMMAND_MAX_CHARACTERS = 16_384;
/** What runs a script, which is what is meant then. */
const INTERPRETER = /^(?:python[0-9.]*|perl|ruby|node|sh|bash|dash)$/;

/** A process that has a command line: kernel threads have none. */
interface ProgramSeen {
  /** The last part of the program's path, or of its script's. */
  readonly name: string;
  /** The program and its arguments, with blanks between them. */
  readonly command: string;
}

/**
 * Those that can be seen, but for what is known to be in another network namespace, such as that of a container; what
 * ends meanwhile is left out.
 */
export function runningPrograms(): ProgramSeen[] {
  const here = networkOf('self');
  const pids = readdirSync('/proc').filter((name) => parseDecimal(name, PID_MAX) !== undefined);
  return pids.flatMap((pid) => {
    const words = commandOf(pid).split('\0');
    const name = nameOf(words);
    if (name === '' || (networkOf(pid) ?? here) !== here) return [];
    return [{ name, command: words.join(' ').trim().slice(0, COMMAND_MAX_CHARACTERS) }];
  });
}

/** Undefined where it is not shown: that takes the right to trace the process (ptrace(2)). */
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

/** What is run by words; a script's interpreter has options of its own before it. */
export function nameOf([program = '', ...args]: readonly string[]): string {
  const name = basename(program);
  if (!INTERPRETER.test(name)) return name;
  const script = args.find((word) => word !== '' && !word.startsWith('-'));
  return script === undefined ? name : basename(script);
}
