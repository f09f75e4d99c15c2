// BPF as the guard needs it, by the calls of sys/: maps, programs and links, with their names in bpffs.
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmdirSync,
  unlinkSync,
} from 'node:fs';
import { dirname } from 'node:path';
import type { KernelBpf, KernelHook, KernelLink, KernelMap, KernelMapSpec, KernelProgram } from '../host.ts';
import { BPFFS, mountBpffs, unmountBpffs } from './bpffs.ts';
import { cgroupId, cgroupRoot, openCgroup } from './cgroup.ts';
import { bootNow, namespaceCookie } from './namespace.ts';
import { attachProgram, detachLink, linkInfo, updateLink } from './sys/bpf-link.ts';
import { BpfMap } from './sys/bpf-map.ts';
import { openObject, openPinned, pinObject } from './sys/bpf-object.ts';
import { loadProgram, programInfo } from './sys/bpf-program.ts';
import { LOCK_EX } from './sys/constants.ts';
import { must } from './sys/epoll.ts';
import { sys } from './sys/libc.ts';

class Program implements KernelProgram {
  readonly fd: number;
  readonly id: number;
  readonly tag: string;

  constructor(fd: number) {
    this.fd = fd;
    ({ id: this.id, tag: this.tag } = programInfo(fd));
  }

  close(): void {
    sys.close(this.fd);
  }
}

class Link implements KernelLink {
  readonly fd: number;

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
    sys.close(this.fd);
  }
}

/** The BPF of this host. */
export class LinuxBpf implements KernelBpf {
  makeDirectory(path: string): boolean {
    const hasMounted = mountBpffs(BPFFS);
    mkdirSync(path, { mode: 0o700, recursive: true });
    return hasMounted;
  }

  removeDirectory(path: string, unmount: boolean): void {
    if (existsSync(path)) {
      for (const name of readdirSync(path)) unlinkSync(`${path}/${name}`);
      rmdirSync(path);
    }
    // The kernel has two names there itself: maps.debug and progs.debug.
    const others = readdirSync(dirname(path)).filter((name) => !name.endsWith('.debug'));
    if (unmount && others.length === 0) unmountBpffs(BPFFS);
  }

  rename(from: string, to: string): boolean {
    try {
      renameSync(from, to);
      return true;
    } catch (thrown) {
      if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOTEMPTY') return false;
      throw thrown;
    }
  }

  /** By flock(2), which the kernel takes back from whoever ends. */
  exclusively<Result>(directory: string, act: () => Result): Result {
    const fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      must(sys.flock(fd, LOCK_EX), 'flock');
      return act();
    } finally {
      closeSync(fd);
    }
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
    return new Program(loadProgram({ name, hook, instructions }));
  }

  programById(id: number): KernelProgram | undefined {
    const fd = openObject('program', id);
    return fd === undefined ? undefined : new Program(fd);
  }

  attach(program: KernelProgram, cgroup: string, hook: KernelHook): KernelLink {
    const fd = openCgroup(cgroup);
    try {
      return new Link(attachProgram(program instanceof Program ? program.fd : -1, fd, hook));
    } finally {
      sys.close(fd);
    }
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
}
