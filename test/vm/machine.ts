/** A virtual machine with Debian 12 as a test sees it: it boots, runs commands as root, is booted again, and ends. */

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
/** Bounds for what hangs: without KVM, and beside other work, all takes its time. */
const BOOT_SECONDS = 600;
const POWER_OFF_SECONDS = 300;
const COMMAND_SECONDS = 300;
/** Guards against leaks of the processor: dear where a program is the processor, and nothing here depends on them. */
const CHEAP_WITHOUT_KVM = ['nopti', 'spectre_v2=off', 'retbleed=off', 'spec_store_bypass_disable=off'];
/** Of tests that run inside, as a bound for what hangs. */
const SLOWNESS = 20;
const CONSOLE_LINES = 30;
const TRACE_CHARACTERS = 100;
/** Where the project is inside. */
const HOME = '/opt/portreeve';

export interface MachineOptions {
  readonly kernel?: Kernel;
  /** Units that are not started at the first boot. */
  readonly masked?: readonly string[];
}

export class Machine {
  /** Of the kernel, as uname -r gives it. */
  readonly version: string;
  readonly #disks: string;
  #qemu: ChildProcess | undefined;
  #agent: AgentLine | undefined;

  private constructor(version: string, disks: string) {
    this.version = version;
    this.#disks = disks;
  }

  /** Boots a machine that ends with the test; undefined, and the test is skipped, where that cannot be. */
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
    // By links, which go on when the images are made anew.
    await cp('-rl', join(images, kernel), join(disks, 'kernel'));
    await makeProjectImage(join(disks, 'project.img'));
    await machine.#start(options.masked ?? []);
    return machine;
  }

  /** Runs a command of bash to its end, as root. A timeout is an error, an exit code is not. */
  async run(command: string, seconds = COMMAND_SECONDS): Promise<Outcome> {
    if (this.#agent === undefined) throw new Error('the machine is off');
    const begin = performance.now();
    try {
      const outcome = await this.#agent.run(command, seconds);
      // Where the test fails it is shown what led to it, and what took long.
      const took = ((performance.now() - begin) / 1000).toFixed(1);
      console.log(`${took} s, ${outcome.code}: ${command.slice(0, TRACE_CHARACTERS)}`);
      return outcome;
    } catch (error) {
      throw new Error(`${command}\n${await this.#console()}`, { cause: error });
    }
  }

  /** Runs a command that must succeed; gives what it wrote to its output. */
  async must(command: string, seconds?: number): Promise<string> {
    const { code, stdout, stderr } = await this.run(command, seconds);
    if (code !== 0) throw new Error(`${command}\nended with ${code}:\n${stdout}${stderr}`);
    return stdout;
  }

  /** Waits inside until a command of bash succeeds. */
  async until(condition: string): Promise<void> {
    await this.must(`until ${condition}; do sleep 0.2; done`);
  }

  portreeve(args: string, seconds?: number): Promise<Outcome> {
    return this.run(`${HOME}/bin/portreeve ${args}`, seconds);
  }

  /** Runs a file of the project's tests by its Node; gives what it wrote to its output. */
  node(args: string, seconds?: number): Promise<string> {
    const options = `--import=${HOME}/test/vm/guest/plain-types.mjs`;
    const cache = '/var/cache/node-compile';
    const env = `NODE_OPTIONS=${options} NODE_COMPILE_CACHE=${cache} PORTREEVE_TEST_SLOWNESS=${SLOWNESS}`;
    return this.must(`cd ${HOME} && ${env} node_modules/node-linux-*/bin/node ${args}`, seconds);
  }

  /** Writes files, by their absolute paths. */
  async write(files: Readonly<Record<string, string>>): Promise<void> {
    const lines = Object.entries(files).map(([path, text]) => {
      const encoded = Buffer.from(text).toString('base64');
      return `mkdir -p "$(dirname ${path})" && base64 -d >${path} <<<'${encoded}'`;
    });
    await this.must(lines.join(' && '));
  }

  /**
   * Shuts down as an administrator would, and boots again from the same disks. A reboot within qemu takes far longer
   * than another qemu.
   */
  async reboot(): Promise<void> {
    const qemu = this.#qemu;
    if (qemu === undefined) throw new Error('the machine is off');
    const exited = once(qemu, 'exit').then(() => true);
    // The answer may be cut off.
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
    // setpriv(1) has the kernel end qemu with this process, however that ends.
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
