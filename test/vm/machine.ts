/** A virtual machine with Debian 12 for a test, which boots it, runs commands as root, reboots it, and ends it. */

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { needs } from '../support/probe.ts';
import type { Outcome } from '../support/sandbox.ts';
import { AgentLine } from './agent-line.ts';
import { debianImages, diskDirectory, type Kernel, kernelOf, makeProjectImage, vmProbes } from './images.ts';

const MEMORY_MIB = 1024;
/** Timeouts for a machine that hangs; they are long because there is no KVM and the host may be busy. */
const BOOT_SECONDS = 600;
const POWER_OFF_SECONDS = 300;
const COMMAND_SECONDS = 300;
/** Mitigations of processor leaks are disabled: emulating them is slow, and nothing here depends on them. */
const CHEAP_WITHOUT_KVM = ['nopti', 'spectre_v2=off', 'retbleed=off', 'spec_store_bypass_disable=off'];
/** The factor by which tests in the machine extend their timeouts. */
const SLOWNESS = 20;
const CONSOLE_LINES = 30;
const TRACE_CHARACTERS = 100;
/** The directory of the project in the machine. */
const HOME = '/opt/portreeve';

export interface MachineOptions {
  readonly kernel?: Kernel;
  /** Units that are not started at the first boot. */
  readonly masked?: readonly string[];
}

export class Machine {
  /** The version of the kernel, as uname -r prints it. */
  readonly version: string;
  readonly #disks: string;
  #qemu: ChildProcess | undefined;
  #agent: AgentLine | undefined;

  private constructor(version: string, disks: string) {
    this.version = version;
    this.#disks = disks;
  }

  /** Boots a machine that ends with the test. Where that is not possible, skips the test and returns undefined. */
  static async boot(t: TestContext, options: MachineOptions = {}): Promise<Machine | undefined> {
    if (!needs(t, ...vmProbes())) return undefined;
    const images = await debianImages();
    if (typeof images !== 'string') {
      needs(t, images);
      return undefined;
    }
    const kernel = options.kernel ?? '6.1';
    const found = await kernelOf(images, kernel);
    if (!needs(t, found)) return undefined;
    const disks = await diskDirectory();
    const machine = new Machine(found.version ?? '', disks);
    t.after(() => machine.#end());
    const cp = (...args: readonly string[]) => promisify(execFile)('cp', args);
    await cp('--sparse=always', '--reflink=auto', join(images, 'base.img'), disks);
    // Hard links remain valid when the images are rebuilt.
    await cp('-rl', join(images, kernel), join(disks, 'kernel'));
    await makeProjectImage(join(disks, 'project.img'));
    await machine.#start(options.masked ?? []);
    return machine;
  }

  /** Runs a bash command as root and returns its outcome. Throws at the timeout, not for an exit code. */
  async run(command: string, seconds = COMMAND_SECONDS): Promise<Outcome> {
    if (this.#agent === undefined) throw new Error('the machine is off');
    const begin = performance.now();
    try {
      const outcome = await this.#agent.run(command, seconds);
      // The output of a failed test shows the commands before the failure and their durations.
      const took = ((performance.now() - begin) / 1000).toFixed(1);
      console.log(`${took} s, ${outcome.code}: ${command.slice(0, TRACE_CHARACTERS)}`);
      return outcome;
    } catch (error) {
      throw new Error(`${command}\n${await this.#console()}`, { cause: error });
    }
  }

  /** Runs a command that must succeed, and returns its standard output. */
  async must(command: string, seconds?: number): Promise<string> {
    const { code, stdout, stderr } = await this.run(command, seconds);
    if (code !== 0) throw new Error(`${command}\nended with ${code}:\n${stdout}${stderr}`);
    return stdout;
  }

  /** Waits in the machine until a bash command succeeds. */
  async until(condition: string): Promise<void> {
    await this.must(`until ${condition}; do sleep 0.2; done`);
  }

  portreeve(args: string, seconds?: number): Promise<Outcome> {
    return this.run(`${HOME}/bin/portreeve ${args}`, seconds);
  }

  /** Runs a test file with the project's Node, and returns its standard output. */
  node(args: string, seconds?: number): Promise<string> {
    const options = `--import=${HOME}/test/vm/guest/plain-types.mjs`;
    const cache = '/var/cache/node-compile';
    const env = `NODE_OPTIONS=${options} NODE_COMPILE_CACHE=${cache} PORTREEVE_TEST_SLOWNESS=${SLOWNESS}`;
    return this.must(`cd ${HOME} && ${env} node_modules/node-linux-*/bin/node ${args}`, seconds);
  }

  /** Writes files at absolute paths. */
  async write(files: Readonly<Record<string, string>>): Promise<void> {
    const lines = Object.entries(files).map(([path, text]) => {
      const encoded = Buffer.from(text).toString('base64');
      return `mkdir -p "$(dirname ${path})" && base64 -d >${path} <<<'${encoded}'`;
    });
    await this.must(lines.join(' && '));
  }

  /**
   * Shuts down in the ordinary way, and boots again from the same disks in a new qemu: a reboot within qemu takes far
   * longer.
   */
  async reboot(): Promise<void> {
    const qemu = this.#qemu;
    if (qemu === undefined) throw new Error('the machine is off');
    const exited = once(qemu, 'exit').then(() => true);
    // The shutdown may cut off the answer.
    this.#agent?.run('systemctl poweroff', COMMAND_SECONDS).catch(() => {});
    const timer = new AbortController();
    const late = pause(POWER_OFF_SECONDS * 1000, false, { signal: timer.signal }).catch(() => false);
    const isOff = await Promise.race([exited, late]);
    timer.abort();
    if (!isOff) throw new Error(`no power off within ${POWER_OFF_SECONDS} s\n${await this.#console()}`);
    await this.#start([]);
  }

  async #start(masked: readonly string[]): Promise<void> {
    const append = [
      'console=ttyS0',
      'panic=-1',
      'quiet',
      ...CHEAP_WITHOUT_KVM,
      ...masked.map((unit) => `systemd.mask=${unit}`),
    ];
    const drive = (name: string, readonly = 'off') => {
      return ['-drive', `file=${this.#disk(name)},format=raw,if=virtio,readonly=${readonly}`];
    };
    const argv = [
      ...['--pdeathsig', 'KILL', '--', 'qemu-system-x86_64'],
      ...[
        '-accel',
        'tcg,thread=multi',
        '-machine',
        'q35',
        '-cpu',
        'max,la57=off',
        '-smp',
        '2',
        '-m',
        `${MEMORY_MIB}`,
      ],
      ...['-nodefaults', '-display', 'none', '-no-reboot', '-nic', 'none'],
      ...['-serial', `file:${this.#disk('console.log')}`],
      ...['-kernel', this.#disk('kernel/vmlinuz')],
      ...['-initrd', this.#disk('kernel/initramfs'), '-append', append.join(' ')],
      ...drive('base.img'),
      ...drive('kernel/modules.img', 'on'),
      ...drive('project.img'),
      ...['-device', 'virtio-serial-pci', '-chardev', 'stdio,id=agent,signal=off'],
      ...['-device', 'virtserialport,chardev=agent,name=agent'],
    ];
    // With setpriv(1) the kernel kills qemu when this process ends for any reason.
    const qemu = spawn('setpriv', argv, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#qemu = qemu;
    this.#agent = new AgentLine(qemu);
    await this.run('systemctl is-system-running --wait', BOOT_SECONDS);
  }

  #disk(name: string): string {
    return join(this.#disks, name);
  }

  async #console(): Promise<string> {
    const text = await readFile(this.#disk('console.log'), 'utf8').catch(() => '');
    return `the end of its console:\n${text.trimEnd().split('\n').slice(-CONSOLE_LINES).join('\n')}`;
  }

  async #end(): Promise<void> {
    const qemu = this.#qemu;
    if (qemu !== undefined && qemu.exitCode === null && qemu.signalCode === null) {
      const exited = once(qemu, 'exit');
      qemu.kill('SIGKILL');
      await exited;
    }
    await rm(this.#disks, { recursive: true, force: true });
  }
}
