// What the path of a cgroup tells of those in it: the unit of the system manager, and the container.

/** A container: what it runs under, and its id. */
interface ContainerPlace {
  readonly runtime: string;
  /** 12 digits; for LXC its name. */
  readonly id: string;
}

const SLICE = '.slice';
/** What the system manager makes cgroups for, besides slices (systemd.unit(5)). */
const UNIT = /\.(?:service|scope|socket|mount|swap)$/;

/**
 * The unit of the system manager that a cgroup belongs to: the first part of its path behind the slices. What a user's
 * own manager makes lies below the unit of that manager, user@UID.service.
 */
export function unitOfCgroup(path: string): string | undefined {
  const part = path.split('/').find((each) => each !== '' && !each.endsWith(SLICE));
  // The manager puts "_" in front of a name that would look like a file of the kernel's (CGROUP in systemd.io).
  return part !== undefined && UNIT.test(part) ? part.replace(/^_/, '') : undefined;
}

const ID = '([0-9a-f]{64})';
const SHORT_ID_DIGITS = 12;

/** How runtimes call the cgroups of containers: as scopes of systemd, and as directories of their own. */
const CONTAINERS: readonly (readonly [runtime: string, pattern: RegExp])[] = [
  ['docker', new RegExp(`/docker-${ID}\\.scope(?:/|$)`)],
  ['docker', new RegExp(`/docker/${ID}(?:/|$)`)],
  ['podman', new RegExp(`/libpod-${ID}(?:\\.scope)?(?:/|$)`)],
  ['cri-o', new RegExp(`/crio-${ID}(?:\\.scope)?(?:/|$)`)],
  ['containerd', new RegExp(`/(?:cri-containerd|nerdctl)-${ID}\\.scope(?:/|$)`)],
  ['containerd', new RegExp(`/cri-containerd[:/]${ID}(?:/|$)`)],
  ['containerd', new RegExp(`:cri-containerd:${ID}(?:/|$)`)],
  ['containerd', new RegExp(`/kubepods[^/]*(?:/[^/]+)*/${ID}(?:/|$)`)],
  ['lxc', /\/lxc(?:\.payload)?[./]([A-Za-z0-9][A-Za-z0-9_.-]*)(?:\/|$)/],
  ['nspawn', /\/machine\.slice\/systemd-nspawn@([^/]+)\.service(?:\/|$)/],
];

/** The container whose cgroup it is: of docker, containerd (also for CRI), CRI-O, podman, LXC or systemd-nspawn. */
export function containerOfCgroup(path: string): ContainerPlace | undefined {
  for (const [runtime, pattern] of CONTAINERS) {
    const id = pattern.exec(path)?.[1];
    if (id !== undefined) return { runtime, id: id.length === 64 ? id.slice(0, SHORT_ID_DIGITS) : id };
  }
  return undefined;
}
