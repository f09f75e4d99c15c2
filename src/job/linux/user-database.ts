// Queries the host's user database (NSS) with getent(1), so that NSS modules load and block in another process.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { messageOf, PortreeveError } from '../../base/errors.ts';
import { USER_ANSWER_MAX_BYTES, USER_QUESTION_NAMES_MAX } from '../../base/limits.ts';
import type { UserDatabase } from '../../host/host.ts';

/** The paths on common systems; only root can write there. */
const PROGRAMS: readonly string[] = ['/usr/bin/getent', '/bin/getent', '/run/current-system/sw/bin/getent'];
/** Not inherited: variables of the dynamic loader and of test wrappers change what NSS answers. */
const ENVIRONMENT = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };
/** getent(1): "One or more supplied key could not be found in the database." */
const EXIT_NOT_FOUND = 2;

type Getent = ChildProcessByStdio<null, Readable, null>;

/** One query at a time: while an earlier process is running, further queries fail. */
export class LinuxUserDatabase implements UserDatabase {
  readonly #programs: readonly string[];
  /** The process of the latest query, while it is running. */
  #running: Getent | undefined;

  constructor(programs: readonly string[] = PROGRAMS) {
    this.#programs = programs;
  }

  async entries(database: 'passwd' | 'group', keys: readonly string[], timeoutMs: number): Promise<string> {
    const deadline = performance.now() + timeoutMs;
    // Without a key getent(1) lists the whole database, and a key with a leading "-" is an option.
    const queried = [...new Set(keys)].filter((key) => key !== '' && !key.startsWith('-'));
    let lines = '';
    for (let at = 0; at < queried.length; at += USER_QUESTION_NAMES_MAX) {
      const some = queried.slice(at, at + USER_QUESTION_NAMES_MAX);
      lines += await this.#query([database, ...some], deadline - performance.now());
    }
    return lines;
  }

  /** Kills a running query. */
  close(): void {
    this.#running?.kill('SIGKILL');
  }

  #query(words: readonly string[], timeoutMs: number): Promise<string> {
    const program = this.#programs.find((path) => existsSync(path));
    if (program === undefined) throw silent('getent(1) is not installed');
    if (this.#running) throw silent('an earlier query is still running');
    if (timeoutMs <= 0) throw late();
    const child = spawn(program, words, {
      cwd: '/',
      env: ENVIRONMENT,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    this.#running = child;
    child.once('close', () => {
      this.#running = undefined;
    });
    return answerOf(child, timeoutMs);
  }
}

/** The output of getent. A process that cannot be killed is abandoned, and does not keep this process alive. */
function answerOf(child: Getent, timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let bytes = 0;
    const giveUp = (error: PortreeveError) => {
      clearTimeout(timer);
      child.kill('SIGKILL');
      child.stdout.destroy();
      child.unref();
      reject(error);
    };
    const timer = setTimeout(() => giveUp(late()), timeoutMs);
    child.stdout.on('data', (part: Buffer) => {
      parts.push(part);
      bytes += part.length;
      if (bytes > USER_ANSWER_MAX_BYTES) giveUp(silent('the answer is too long'));
    });
    child.once('error', (error) => giveUp(silent(messageOf(error))));
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      if (code === 0 || code === EXIT_NOT_FOUND) resolve(Buffer.concat(parts).toString('utf8'));
      else reject(silent(`getent(1) ended with ${signal ?? code}`));
    });
  });
}

function late(): PortreeveError {
  return silent('timeout');
}

function silent(why: string): PortreeveError {
  const message = `cannot query the user database of this host: ${why}`;
  const hint =
    'Earlier answers remain valid for users and groups that are not in /etc/passwd and /etc/group.';
  return new PortreeveError('USERS_SILENT', message, hint);
}
