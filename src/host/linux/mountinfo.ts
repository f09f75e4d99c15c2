// proc_pid_mountinfo(5): what is mounted where, and where the one cgroup2 hierarchy is.

interface Mount {
  /** The directory of the file system that is its root here: "/" unless a part of it is mounted. */
  readonly root: string;
  readonly mountPoint: string;
  /** The file system: "cgroup2", "bpf", "ext4". */
  readonly type: string;
}

/** Blanks, line ends and backslashes stand as three octal digits: "\040". */
function unescaped(field: string): string {
  return field.replaceAll(/\\([0-7])([0-7])([0-7])/g, (_, a: string, b: string, c: string) =>
    String.fromCharCode([a, b, c].reduce((code, digit) => code * 8 + '01234567'.indexOf(digit), 0)),
  );
}

/**
 * The mounts in the order of the file: of two at one place the later one is seen. Lines that are none are passed
 * over.
 */
export function parseMountinfo(text: string): Mount[] {
  return text.split('\n').flatMap((line) => {
    // Before " - " there are as many optional fields as the kernel likes.
    const [before = '', after] = line.split(' - ', 2);
    const [, , , root, mountPoint] = before.split(' ');
    const [type] = after?.split(' ') ?? [];
    if (!root || !mountPoint || !type) return [];
    return [{ root: unescaped(root), mountPoint: unescaped(mountPoint), type }];
  });
}

/**
 * Where the hierarchy of cgroup v2 is mounted as a whole: /sys/fs/cgroup, or /sys/fs/cgroup/unified where v1 has the
 * controllers. Undefined where it is not mounted.
 */
export function cgroup2MountPoint(mounts: readonly Mount[]): string | undefined {
  return mounts.find(({ type, root }) => type === 'cgroup2' && root === '/')?.mountPoint;
}
