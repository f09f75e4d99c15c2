// Determines the system unit and the container of a cgroup from its path.

interface ContainerPlace {
  readonly runtime: string;
  /** 12 digits; for LXC and systemd-nspawn the name. */
  readonly id: string;
}

const SLICE = '.slice';
/** The units other than slices that have cgroups (systemd.unit(5)). */
const UNIT = /\.(?:service|scope|socket|mount|swap)$/;

/**
 * The system unit of a cgroup: the first component of its path after the slices. Units of a user's own manager are
 * below the unit of that manager, user@UID.service.
 */
export function unitOfCgroup(path: string): string | undefined {
  const part = path.split('/').find((each) => each !== '' && !each.endsWith(SLICE));
  // systemd prefixes "_" to a name that would conflict with a kernel file (CGROUP in systemd.io).
  return part !== undefined && UNIT.test(part) ? part.replace(/^_/, '') : undefined;
}

const ID = '([0-9a-f]{64})';
const SHORT_ID_DIGITS = 12;

/** The cgroup names of container runtimes, as systemd scopes and as plain directories. */
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

/** The container of a cgroup: docker, containerd (including CRI), CRI-O, podman, LXC, or systemd-nspawn. */
export function containerOfCgroup(path: string): ContainerPlace | undefined {
  for (const [runtime, pattern] of CONTAINERS) {
    const id = pattern.exec(path)?.[1];
    if (id !== undefined) return { runtime, id: id.length === 64 ? id.slice(0, SHORT_ID_DIGITS) : id };
  }
  return undefined;
}
