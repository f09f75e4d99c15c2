/** The connection to the agent in a virtual machine: sends it one command at a time, and receives the outcome. */

import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Outcome } from '../support/sandbox.ts';

/** The additional timeout after that of the agent. */
const GRACE_MS = 10_000;

interface Waiting {
  readonly resolve: (line: string) => void;
  readonly reject: (error: Error) => void;
}

export class AgentLine {
  readonly #qemu: ChildProcess;
  #stderr = '';
  #ended = false;
  #waiting: Waiting | undefined;
  #last: Promise<unknown> = Promise.resolve();

  /** The serial port of the agent is the standard input and output of qemu. */
  constructor(qemu: ChildProcess) {
    this.#qemu = qemu;
    const { stdin, stdout, stderr } = qemu;
    if (stdin === null || stdout === null || stderr === null)
      throw new Error('qemu was started without pipes');
    stdin.on('error', () => {});
    stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    createInterface({ input: stdout }).on('line', (line) => this.#waiting?.resolve(line));
    const onEnd = (): void => {
      this.#ended = true;
      this.#waiting?.reject(this.#endError());
    };
    qemu.once('error', onEnd).once('close', onEnd);
  }

  /** Runs a bash command after the earlier ones have ended. */
  run(command: string, seconds: number): Promise<Outcome> {
    const answer = this.#last.then(() => this.#ask(command, seconds));
    this.#last = answer.catch(() => {});
    return answer;
  }

  async #ask(command: string, seconds: number): Promise<Outcome> {
    if (this.#ended) throw this.#endError();
    const line = await new Promise<string>((resolve, reject) => {
      const late = (): void => reject(new Error(`no answer of the agent within ${seconds} s`));
      const timer = setTimeout(late, seconds * 1000 + GRACE_MS);
      this.#waiting = {
        resolve: (text) => {
          clearTimeout(timer);
          resolve(text);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      };
      this.#qemu.stdin?.write(`${JSON.stringify({ command, seconds })}\n`);
    });
    this.#waiting = undefined;
    const { code, stdout, stderr } = JSON.parse(line) as Outcome;
    if (code === null) throw new Error(`took more than ${seconds} s:\n${stdout}${stderr}`);
    return { code, stdout, stderr };
  }

  #endError(): Error {
    return new Error(`qemu ended (${this.#qemu.exitCode ?? this.#qemu.signalCode}) ${this.#stderr.trim()}`);
  }
}
