// BPF for the guard: maps, programs, links, and their pins in bpffs.
import { existsSync, readdirSync, renameSync, rmSync, unlinkSync } from 'node:fs';
import { CGROUP_RECORD } from '../../base/cgroup-record.ts';
import { codeOf } from '../../base/errors.ts';
import type {
  BindHook,
  CgroupEvent,
  KernelBpf,
  KernelHook,
  KernelLink,
  KernelMap,
  KernelMapSpec,
  KernelProgram,
} from '../host.ts';
import { BPFFS, createInBpffs, mountBpffs, unmountBpffs } from './bpffs.ts';
import { cgroupId, cgroupRoot, openCgroup } from './cgroup.ts';
import { exchangeNames, holdDirectory } from './held-directory.ts';
import { bootNow, namespaceCookie } from './namespace.ts';
import { attachProgram, attachToEvent, detachLink, linkInfo, updateLink } from './sys/bpf-link.ts';
import { BpfMap } from './sys/bpf-map.ts';
import { openObject, openPinned, pinObject } from './sys/bpf-object.ts';
import { loadProgram, programInfo, programTags } from './sys/bpf-program.ts';
import { sys } from './sys/libc.ts';
import { openTracepoint } from './sys/tracepoint.ts';
import { tickUs } from './tick.ts';

class Program implements KernelProgram {
  readonly fd: number;
  readonly id: number;
  readonly name: string;
  readonly tag: string;
  readonly mapIds: readonly number[];

  constructor(fd: number) {
    this.fd = fd;
    ({ id: this.id, name: this.name, tag: this.tag, mapIds: this.mapIds } = programInfo(fd));
  }

  close(): void {
    sys.close(this.fd);
  }
}

class Link implements KernelLink {
  readonly fd: number;
  #isOpen = true;

  constructor(fd: number) {
    this.fd = fd;
  }

  get programId(): number {
    return linkInfo(this.fd).programId;
  }

  get cgroupId(): bigint {
    return linkInfo(this.fd).cgroup?.id ?? 0n;
  }

  update(program: KernelProgram): void {
    if (program instanceof Program) updateLink(this.fd, program.fd);
  }

  detach(): void {
    detachLink(this.fd);
  }

  close(): void {
    if (this.#isOpen) sys.close(this.fd);
    this.#isOpen = false;
  }
}

/** The BPF of this host. */
export class LinuxBpf implements KernelBpf {
  makeDirectory(path: string): boolean {
    const hasMounted = mountBpffs(BPFFS);
    createInBpffs(path);
    return hasMounted;
  }

  removeDirectory(path: string): void {
    if (!existsSync(path)) return;
    rmSync(path, { recursive: true });
  }

  unmount(): void {
    // The kernel itself creates maps.debug and progs.debug.
    const names = readdirSync(BPFFS).filter((name) => !name.endsWith('.debug'));
    if (names.length === 0) unmountBpffs(BPFFS);
  }

  rename(from: string, to: string): boolean {
    try {
      renameSync(from, to);
      return true;
    } catch (thrown) {
      if (codeOf(thrown) === 'ENOTEMPTY') return false;
      throw thrown;
    }
  }

  exchange(one: string, other: string): void {
    exchangeNames(one, other);
  }

  hold(directory: string): { release(): void } | undefined {
    return holdDirectory(directory);
  }

  createMap(spec: KernelMapSpec): KernelMap {
    const { innerMap, ...others } = spec;
    return BpfMap.create(innerMap instanceof BpfMap ? { ...others, innerMap } : others);
  }

  openMap(path: string): KernelMap | undefined {
    const fd = openPinned(path);
    return fd === undefined ? undefined : BpfMap.adopt(fd);
  }

  mapById(id: number): KernelMap | undefined {
    return BpfMap.byId(id);
  }

  loadProgram(name: string, hook: KernelHook, instructions: Uint8Array): KernelProgram {
    const isEvent = hook === 'cgroup_mkdir' || hook === 'cgroup_rmdir';
    return new Program(loadProgram({ name, hook: isEvent ? undefined : hook, instructions }));
  }

  tags(tagged: Uint8Array): readonly string[] {
    return programTags(tagged);
  }

  programById(id: number): KernelProgram | undefined {
    const fd = openObject('program', id);
    return fd === undefined ? undefined : new Program(fd);
  }

  attach(program: KernelProgram, cgroup: string, hook: BindHook): KernelLink {
    const fd = openCgroup(cgroup);
    try {
      return new Link(attachProgram(program instanceof Program ? program.fd : -1, fd, hook));
    } finally {
      sys.close(fd);
    }
  }

  attachEvent(event: CgroupEvent, load: () => KernelProgram): KernelLink {
    const fd = openTracepoint('cgroup', event, CGROUP_RECORD);
    try {
      const program = load();
      try {
        return new Link(attachToEvent(program instanceof Program ? program.fd : -1, fd));
      } finally {
        program.close();
      }
    } finally {
      sys.close(fd);
    }
  }

  unpin(path: string): boolean {
    if (!existsSync(path)) return false;
    unlinkSync(path);
    return true;
  }

  openLink(path: string): KernelLink | undefined {
    const fd = openPinned(path);
    return fd === undefined ? undefined : new Link(fd);
  }

  pin(object: KernelMap | KernelLink, path: string): void {
    if (object instanceof Link || object instanceof BpfMap) pinObject(object.fd, path);
  }

  cgroupRoot(): string {
    return cgroupRoot();
  }

  cgroupId(directory: string): bigint {
    return cgroupId(directory);
  }

  namespaceCookie(): bigint {
    return namespaceCookie();
  }

  bootNow(): bigint {
    return bootNow();
  }

  tickUs(): number | undefined {
    return tickUs();
  }
}
