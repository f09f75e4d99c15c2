// Parses proc_pid_mountinfo(5), and finds the cgroup2 hierarchy.

interface Mount {
  /** The directory of the file system that is mounted: "/" unless only a part of it is mounted. */
  readonly root: string;
  readonly mountPoint: string;
  /** The file system type: "cgroup2", "bpf", "ext4". */
  readonly type: string;
}

/** Spaces, newlines and backslashes are escaped as three octal digits: "\\040". */
function unescaped(field: string): string {
  return field.replaceAll(/\\([0-7])([0-7])([0-7])/g, (_, a: string, b: string, c: string) =>
    String.fromCharCode([a, b, c].reduce((code, digit) => code * 8 + '01234567'.indexOf(digit), 0)),
  );
}

/** The mounts in order. Of two at the same mount point, the later one is visible. Invalid lines are skipped. */
export function parseMountinfo(text: string): Mount[] {
  return text.split('\n').flatMap((line) => {
    // Before " - " there can be any number of optional fields.
    const [before = '', after] = line.split(' - ', 2);
    const [, , , root, mountPoint] = before.split(' ');
    const [type] = after?.split(' ') ?? [];
    if (!root || !mountPoint || !type) return [];
    return [{ root: unescaped(root), mountPoint: unescaped(mountPoint), type }];
  });
}

/**
 * The mount point of the complete cgroup v2 hierarchy: /sys/fs/cgroup, or /sys/fs/cgroup/unified if v1 has the
 * controllers. Undefined if it is not mounted.
 */
export function cgroup2MountPoint(mounts: readonly Mount[]): string | undefined {
  return mounts.find(({ type, root }) => type === 'cgroup2' && root === '/')?.mountPoint;
}
