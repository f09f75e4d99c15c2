// The BPF of a simulated kernel, and processes that call it. Every call can fail or be the last one.
import { crc32 } from '../../../src/base/crc32.ts';
import { PortreeveError } from '../../../src/base/errors.ts';
import { encodeInstructions, PSEUDO } from '../../../src/bpf/instruction.ts';
import type {
  BindHook,
  CgroupEvent,
  KernelBpf,
  KernelHook,
  KernelLink,
  KernelMap,
  KernelMapSpec,
  KernelProgram,
} from '../../../src/host/host.ts';
import { decodeInstructions } from '../bpf-listing.ts';
import { LinkFile, MapFile, ProgramFile } from './bpf-files.ts';
import {
  bpfError,
  isLink,
  isMap,
  isProgram,
  labelOf,
  reachableFrom,
  SimMap,
  type SimObject,
  type SimProgram,
} from './bpf-objects.ts';
import { SimBpffs } from './bpffs.ts';

/** The directory of the root cgroup. */
export const SIM_CGROUPS = '/sys/fs/cgroup';
/** <linux/bpf_common.h>: BPF_LD | BPF_DW | BPF_IMM. */
const LOAD_64 = 0x18;

const tagOf = (bytes: Uint8Array): string => crc32(bytes).toString(16).padStart(16, '0');

/** The state that outlives processes. */
export class SimBpfKernel {
  readonly bpffs = new SimBpffs();
  /** Cgroup IDs by directory. */
  readonly cgroups = new Map<string, bigint>([[SIM_CGROUPS, 1n]]);
  /** Whether programs can be attached to the creation and removal of cgroups. */
  hasTracepoints = true;
  /** Nanoseconds since boot. */
  now = 1_000_000_000n;
  readonly #processes = new Set<SimBpf>();
  #lastId = 0;

  nextId(): number {
    return ++this.#lastId;
  }

  join(process: SimBpf): void {
    this.#processes.add(process);
  }

  leave(process: SimBpf): void {
    this.#processes.delete(process);
  }

  /** All objects that are pinned, open, or kept alive by such an object. */
  objects(): SimObject[] {
    const roots = [...this.bpffs.objects(), ...[...this.#processes].flatMap((one) => one.objects())];
    return [...new Set(roots.flatMap((root) => [...reachableFrom(root)]))];
  }

  /** The programs attached to a hook of a cgroup. */
  attached(cgroup: string, hook: BindHook): SimProgram[] {
    const id = this.cgroups.get(cgroup);
    return this.objects()
      .filter(isLink)
      .filter((link) => link.hook === hook && link.cgroupId === id)
      .map(({ program }) => program);
  }

  /** Removes a cgroup, which detaches its programs. */
  removeCgroup(directory: string): void {
    const id = this.cgroups.get(directory);
    this.cgroups.delete(directory);
    for (const link of this.objects().filter(isLink)) if (link.cgroupId === id) link.cgroupId = 0n;
  }
}

/** Thrown by the calls of a killed process. Our code must not treat it as an error. */
export class Killed extends Error {}

/** A process that uses BPF. */
export class SimBpf implements KernelBpf {
  readonly kernel: SimBpfKernel;
  /** Its calls in order: those that a kernel can refuse. */
  readonly calls: string[] = [];
  readonly #files = new Map<number, SimObject>();
  readonly #held = new Set<{ release(): void }>();
  #lastFd = 2;
  #fault: { readonly at: number; readonly kind: 'fails' | 'dies' } | undefined;
  /** The cookie of its network namespace. */
  namespace = 4026n;

  constructor(kernel = new SimBpfKernel()) {
    this.kernel = kernel;
    kernel.join(this);
  }

  /** Makes one future call fail, 0 for the next one. Later calls succeed again. */
  failAt(index: number): void {
    this.#fault = { at: this.calls.length + index, kind: 'fails' };
  }

  /** Kills the process before a future call. */
  dieAt(index: number): void {
    this.#fault = { at: this.calls.length + index, kind: 'dies' };
  }

  /** Clears the fault. */
  clearFault(): void {
    this.#fault = undefined;
  }

  /** Whether the call of failAt() or dieAt() was reached. */
  get hasReachedFault(): boolean {
    return this.#fault !== undefined && this.calls.length > this.#fault.at;
  }

  /** Ends the process: the kernel closes its descriptors and releases its locks. */
  end(): void {
    for (const held of this.#held) held.release();
    this.#files.clear();
    this.kernel.leave(this);
  }

  objects(): SimObject[] {
    return [...this.#files.values()];
  }

  /** Its open objects: "map config", "link bind4", "program portreeve_bind4". */
  get opened(): string[] {
    return this.objects().map(labelOf);
  }

  /** A call that the kernel can refuse. */
  call<Result>(name: string, act: () => Result): Result {
    const index = this.calls.push(name) - 1;
    const fault = this.#fault;
    if (fault?.kind === 'dies' && index >= fault.at) throw new Killed(`killed before ${name}`);
    if (fault?.at === index) throw new PortreeveError('BPF_CALL', `${name} was made to fail`);
    return act();
  }

  /** Opens an object, which keeps it alive. */
  descriptor(object: SimObject): number {
    this.#files.set(++this.#lastFd, object);
    return this.#lastFd;
  }

  closeDescriptor(fd: number): void {
    this.#files.delete(fd);
  }

  /** The object of a descriptor. Undefined if it is closed. */
  at(fd: number): SimObject | undefined {
    return this.#files.get(fd);
  }

  /** The map of a descriptor. */
  mapAt(fd: number): SimMap {
    const object = this.at(fd);
    if (!object || !isMap(object)) throw bpfError(`call on descriptor ${fd}`, 'EBADF');
    return object;
  }

  makeDirectory(path: string): boolean {
    return this.call('makeDirectory', () => this.kernel.bpffs.make(path));
  }

  removeDirectory(path: string): void {
    this.call('removeDirectory', () => this.kernel.bpffs.remove(path));
  }

  unmount(): void {
    this.call('unmount', () => this.kernel.bpffs.unmount());
  }

  rename(from: string, to: string): boolean {
    return this.call('rename', () => this.kernel.bpffs.rename(from, to));
  }

  exchange(one: string, other: string): void {
    this.call('exchange', () => this.kernel.bpffs.exchange(one, other));
  }

  hold(directory: string): { release(): void } | undefined {
    const held = this.call('hold', () => this.kernel.bpffs.hold(directory));
    if (!held) return undefined;
    this.#held.add(held);
    return {
      release: () => {
        if (this.#held.delete(held)) held.release();
      },
    };
  }

  createMap(spec: KernelMapSpec): KernelMap {
    return this.call('createMap', () => {
      const { innerMap } = spec;
      return this.#opened(new SimMap(this.kernel.nextId(), spec, innerMap && this.mapAt(innerMap.fd)));
    });
  }

  #opened(map: SimMap): KernelMap {
    return new MapFile(this, map);
  }

  openMap(path: string): KernelMap | undefined {
    return this.call('openMap', () => {
      const object = this.kernel.bpffs.get(path);
      return object && isMap(object) ? this.#opened(object) : undefined;
    });
  }

  mapById(id: number): KernelMap | undefined {
    return this.call('mapById', () => {
      const map = this.kernel
        .objects()
        .filter(isMap)
        .find(({ info }) => info.id === id);
      return map && this.#opened(map);
    });
  }

  loadProgram(name: string, hook: KernelHook, instructions: Uint8Array): KernelProgram {
    return this.call('loadProgram', () => {
      const lines = decodeInstructions(instructions);
      const isOfMap = (at: number): boolean =>
        lines[at]?.code === LOAD_64 && [PSEUDO.map, PSEUDO.mapValue].some((kind) => lines[at]?.src === kind);
      const maps = lines.filter((_, at) => isOfMap(at)).map(({ immediate }) => this.mapAt(immediate));
      const tagged = lines.map((line, at) =>
        isOfMap(at) || isOfMap(at - 1) ? { ...line, immediate: 0 } : line,
      );
      const tag = tagOf(encodeInstructions(tagged));
      return new ProgramFile(this, { id: this.kernel.nextId(), name, hook, tag, maps: [...new Set(maps)] });
    });
  }

  tags(tagged: Uint8Array): readonly string[] {
    return [tagOf(tagged)];
  }

  programById(id: number): KernelProgram | undefined {
    return this.call('programById', () => {
      const program = this.kernel
        .objects()
        .filter(isProgram)
        .find((one) => one.id === id);
      return program && new ProgramFile(this, program);
    });
  }

  attach(program: KernelProgram, cgroup: string, hook: BindHook): KernelLink {
    return this.call('attach', () => this.#link(program, hook, this.#cgroup(cgroup)));
  }

  #cgroup(directory: string): bigint {
    const id = this.kernel.cgroups.get(directory);
    if (id === undefined) throw bpfError('open', 'ENOENT');
    return id;
  }

  #link(file: KernelProgram, hook: KernelHook, cgroupId: bigint): KernelLink {
    const program = file instanceof ProgramFile ? file.object : undefined;
    if (program?.hook !== hook) throw bpfError('LINK_CREATE', 'EINVAL');
    return new LinkFile(this, { hook, program, cgroupId });
  }

  attachEvent(event: CgroupEvent, load: () => KernelProgram): KernelLink {
    this.call('openTracepoint', () => {
      if (!this.kernel.hasTracepoints) throw new PortreeveError('TRACEPOINT_MISSING', `no ${event}`);
    });
    const program = load();
    try {
      return this.call('attachEvent', () => this.#link(program, event, 0n));
    } finally {
      program.close();
    }
  }

  unpin(path: string): boolean {
    return this.call('unpin', () => this.kernel.bpffs.unpin(path));
  }

  openLink(path: string): KernelLink | undefined {
    return this.call('openLink', () => {
      const object = this.kernel.bpffs.get(path);
      return object && isLink(object) ? new LinkFile(this, object) : undefined;
    });
  }

  pin(object: KernelMap | KernelLink, path: string): void {
    this.call('pin', () => {
      if (object instanceof MapFile || object instanceof LinkFile) this.kernel.bpffs.pin(path, object.object);
    });
  }

  cgroupRoot(): string {
    return SIM_CGROUPS;
  }

  cgroupId(directory: string): bigint {
    return this.#cgroup(directory);
  }

  namespaceCookie(): bigint {
    return this.call('namespaceCookie', () => this.namespace);
  }

  bootNow(): bigint {
    return this.kernel.now;
  }

  tickUs(): number {
    return 4000;
  }
}
