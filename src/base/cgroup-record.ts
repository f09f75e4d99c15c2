// The record layout of the kernel's tracepoints cgroup_mkdir and cgroup_rmdir (include/trace/events/cgroup.h).

/** Field offsets, as `format` in tracefs lists them. At `path` are the length and offset of the path. */
export const CGROUP_RECORD = { root: 8, level: 12, id: 16, path: 24 } as const;

/** `root` of a cgroup of version 2, as in /proc/PID/cgroup (cgroups(7)). */
export const UNIFIED_HIERARCHY = 0;
