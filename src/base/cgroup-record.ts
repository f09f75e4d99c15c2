// What the kernel's tracepoints cgroup_mkdir and cgroup_rmdir say of a cgroup (include/trace/events/cgroup.h).

/** Where the fields of a record are, as `format` in tracefs describes it; the path has its length and offset there. */
export const CGROUP_RECORD = { root: 8, level: 12, id: 16, path: 24 } as const;

/** What stands in `root` of a cgroup of version 2, as in /proc/PID/cgroup (cgroups(7)). */
export const UNIFIED_HIERARCHY = 0;
