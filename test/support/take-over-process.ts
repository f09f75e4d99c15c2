// A process that takes over a guard, and kills itself just before a given step.

import { GuardKernel } from '../../src/guard/app/kernel/kernel.ts';
import type { KernelLink, KernelMap, KernelMapSpec, KernelProgram } from '../../src/host/host.ts';
import { LinuxBpf } from '../../src/host/linux/kernel-bpf.ts';
import { jobsOf, type NamedJobs, profileOf, tablesOf } from './guard.ts';

/** Its configuration, from its only argument. */
export interface TakeOverTask {
  readonly pins: string;
  readonly profile: string;
  readonly jobs: NamedJobs;
  /** The step before which it ends; it runs to completion by default. */
  readonly dieBefore?: number;
}

/** The steps that change something in the kernel, in order. */
class MortalBpf extends LinuxBpf {
  readonly #dieBefore: number;
  readonly steps: string[] = [];

  constructor(dieBefore: number) {
    super();
    this.#dieBefore = dieBefore;
  }

  #step(name: string): void {
    if (this.steps.length === this.#dieBefore) process.kill(process.pid, 'SIGKILL');
    this.steps.push(name);
  }

  override makeDirectory(path: string): boolean {
    this.#step('makeDirectory');
    return super.makeDirectory(path);
  }

  override removeDirectory(path: string): void {
    this.#step('removeDirectory');
    super.removeDirectory(path);
  }

  override createMap(spec: KernelMapSpec): KernelMap {
    const map = super.createMap(spec);
    if (spec.name.endsWith('_set')) this.#step(`fill ${spec.name}`);
    return map;
  }

  override pin(object: KernelMap | KernelLink, path: string): void {
    this.#step('pin');
    super.pin(object, path);
  }

  override exchange(one: string, other: string): void {
    this.#step('exchange');
    super.exchange(one, other);
  }

  override openLink(path: string): KernelLink | undefined {
    const link = super.openLink(path);
    if (!link) return undefined;
    const update = link.update.bind(link);
    return Object.assign(link, {
      update: (program: KernelProgram) => {
        this.#step('update');
        update(program);
      },
    });
  }
}

if (import.meta.main) {
  const { pins, profile, jobs, dieBefore }: TakeOverTask = JSON.parse(process.argv[2] ?? '');
  const bpf = new MortalBpf(dieBefore ?? Number.POSITIVE_INFINITY);
  const guard = GuardKernel.open(bpf, pins, {
    tablesOf: () => tablesOf(profileOf(profile)),
    jobs: () => jobsOf(bpf, jobs),
  });
  if (!guard) throw new Error(`there is no guard at ${pins}`);
  process.stdout.write(JSON.stringify(bpf.steps));
}
