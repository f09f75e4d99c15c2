// Maps, programs and links that a process of the simulated kernel has open.
import type { KernelLink, KernelMap, KernelProgram } from '../../../src/host/host.ts';
import {
  bpfError,
  type SimLink,
  type SimMap,
  type SimObject,
  type SimProgram,
  wordOf,
} from './bpf-objects.ts';
import type { SimBpf } from './kernel-bpf.ts';

/** A descriptor of an object. The object exists at least until it is closed. */
class Descriptor<Kind extends SimObject> {
  readonly fd: number;
  readonly #process: SimBpf;
  readonly #object: Kind;

  constructor(process: SimBpf, object: Kind) {
    this.#process = process;
    this.#object = object;
    this.fd = process.descriptor(object);
  }

  protected get process(): SimBpf {
    return this.#process;
  }

  get object(): Kind {
    if (!this.#process.at(this.fd)) throw bpfError(`call on descriptor ${this.fd}`, 'EBADF');
    return this.#object;
  }

  close(): void {
    this.#process.closeDescriptor(this.fd);
  }
}

export class MapFile extends Descriptor<SimMap> implements KernelMap {
  readonly info: KernelMap['info'];

  constructor(process: SimBpf, map: SimMap) {
    super(process, map);
    this.info = map.info;
  }

  #call<Result>(name: string, act: (map: SimMap) => Result): Result {
    return this.process.call(`${name} ${this.info.name}`, () => act(this.object));
  }

  lookup(key: Uint8Array): Uint8Array | undefined {
    return this.#call('lookup', (map) => map.lookup(key));
  }

  update(key: Uint8Array, value: Uint8Array): boolean {
    this.#call('update', (map) => this.#put(map, key, value));
    return true;
  }

  #put(map: SimMap, key: Uint8Array, value: Uint8Array): void {
    map.update(
      key,
      value,
      this.info.type === 'array_of_maps' ? this.process.mapAt(wordOf(value)) : undefined,
    );
  }

  delete(key: Uint8Array): boolean {
    return this.#call('delete', (map) => map.delete(key));
  }

  updateBatch(keys: Uint8Array, values: Uint8Array): void {
    if (keys.length > 0) this.#call('updateBatch', (map) => map.updateBatch(keys, values));
  }

  keys(): readonly Uint8Array[] {
    return this.#call('keys', (map) => map.keys());
  }

  /** The mapping keeps the map alive like a descriptor. */
  memory(): ReturnType<KernelMap['memory']> {
    return this.#call('memory', (map) => {
      const u8 = map.memory();
      const fd = this.process.descriptor(map);
      return { u8, view: new DataView(u8.buffer), close: () => this.process.closeDescriptor(fd) };
    });
  }
}

/** The properties are read when it is opened. */
export class ProgramFile extends Descriptor<SimProgram> implements KernelProgram {
  readonly id: number;
  readonly name: string;
  readonly tag: string;
  readonly mapIds: readonly number[];

  constructor(process: SimBpf, program: SimProgram) {
    super(process, program);
    ({ id: this.id, name: this.name, tag: this.tag } = program);
    this.mapIds = program.maps.map(({ info }) => info.id);
  }
}

export class LinkFile extends Descriptor<SimLink> implements KernelLink {
  get programId(): number {
    return this.object.program.id;
  }

  get cgroupId(): bigint {
    return this.object.cgroupId;
  }

  update(program: KernelProgram): void {
    this.process.call('update link', () => {
      const target = program instanceof ProgramFile ? program.object : undefined;
      if (target?.hook !== this.object.hook) throw bpfError('LINK_UPDATE', 'EINVAL');
      this.object.program = target;
    });
  }

  detach(): void {
    this.process.call('detach', () => {
      this.object.cgroupId = 0n;
    });
  }
}
