// The user database of the host, asked through getent(1): what its modules load and wait for is another process's.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { messageOf, PortreeveError } from '../../base/errors.ts';
import { USER_ANSWER_MAX_BYTES, USER_QUESTION_NAMES_MAX } from '../../base/limits.ts';
import type { UserDatabase } from '../../host/host.ts';

/** Where systems have it; only root can put another program there. */
const PROGRAMS: readonly string[] = ['/usr/bin/getent', '/bin/getent', '/run/current-system/sw/bin/getent'];
/** Nothing of our own environment: variables of the loader and of test wrappers change what NSS answers. */
const ENVIRONMENT = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };
/** getent(1): "One or more supplied key could not be found in the database." */
const EXIT_NOT_FOUND = 2;

type Asked = ChildProcessByStdio<null, Readable, null>;

/** The user database of this host. One question is asked at a time, also where the one before it has no end. */
export class LinuxUserDatabase implements UserDatabase {
  readonly #programs: readonly string[];
  /** The question that was asked last, if its process is still there. */
  #asked: Asked | undefined;

  constructor(programs: readonly string[] = PROGRAMS) {
    this.#programs = programs;
  }

  async entries(database: 'passwd' | 'group', keys: readonly string[], timeoutMs: number): Promise<string> {
    const deadline = performance.now() + timeoutMs;
    // Without a key getent(1) would list all of the database; what begins with "-" would be an option.
    const asked = [...new Set(keys)].filter((key) => key !== '' && !key.startsWith('-'));
    let lines = '';
    for (let at = 0; at < asked.length; at += USER_QUESTION_NAMES_MAX) {
      const some = asked.slice(at, at + USER_QUESTION_NAMES_MAX);
      lines += await this.#ask([database, ...some], deadline - performance.now());
    }
    return lines;
  }

  /** Nobody waits for an answer any more. */
  close(): void {
    this.#asked?.kill('SIGKILL');
  }

  #ask(words: readonly string[], timeoutMs: number): Promise<string> {
    const program = this.#programs.find((path) => existsSync(path));
    if (program === undefined) throw silent('this host has no getent(1) in its usual place');
    if (this.#asked) throw silent('it has not answered an earlier question yet');
    if (timeoutMs <= 0) throw late();
    const asked = spawn(program, words, {
      cwd: '/',
      env: ENVIRONMENT,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    this.#asked = asked;
    asked.once('close', () => {
      this.#asked = undefined;
    });
    return answerOf(asked, timeoutMs);
  }
}

/** What it prints until it ends. What does not end is left behind, and keeps nobody from ending. */
function answerOf(asked: Asked, timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let bytes = 0;
    const giveUp = (error: PortreeveError) => {
      clearTimeout(timer);
      asked.kill('SIGKILL');
      asked.stdout.destroy();
      asked.unref();
      reject(error);
    };
    const timer = setTimeout(() => giveUp(late()), timeoutMs);
    asked.stdout.on('data', (part: Buffer) => {
      parts.push(part);
      bytes += part.length;
      if (bytes > USER_ANSWER_MAX_BYTES) giveUp(silent('its answer is too long'));
    });
    asked.once('error', (error) => giveUp(silent(messageOf(error))));
    asked.once('close', (code, signal) => {
      clearTimeout(timer);
      if (code === 0 || code === EXIT_NOT_FOUND) resolve(Buffer.concat(parts).toString('utf8'));
      else reject(silent(`getent(1) ended with ${signal ?? code}`));
    });
  });
}

function late(): PortreeveError {
  return silent('it does not answer in time');
}

function silent(why: string): PortreeveError {
  const message = `the user database of this host could not be asked: ${why}`;
  const hint = 'Users and groups that are in no file of this host are those that it answered with before.';
  return new PortreeveError('USERS_SILENT', message, hint);
}
