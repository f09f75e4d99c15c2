// The kernel helpers that BPF programs call, by number (<linux/bpf.h>: enum bpf_func_id).

/**
 * The helpers that our programs use (bpf-helpers(7)). Unless noted, the kernel does not restrict them to programs under
 * the GPL.
 */
export const HELPERS = {
  map_lookup_elem: 1,
  map_update_elem: 2,
  map_delete_elem: 3,
  ktime_get_ns: 5,
  get_prandom_u32: 7,
  get_smp_processor_id: 8,
  tail_call: 12,
  get_current_pid_tgid: 14,
  get_current_uid_gid: 15,
  get_current_comm: 16,
  get_socket_cookie: 46,
  setsockopt: 49,
  getsockopt: 57,
  bind: 64,
  get_current_cgroup_id: 80,
  /** Only for programs under the GPL. */
  probe_read_kernel_str: 115,
  /** Its maps require type information (BTF), which BpfMap does not create. */
  sk_storage_get: 107,
  get_netns_cookie: 122,
  get_current_ancestor_cgroup_id: 123,
  ktime_get_boot_ns: 125,
  ringbuf_output: 130,
  ringbuf_reserve: 131,
  ringbuf_submit: 132,
  ringbuf_discard: 133,
  get_retval: 186,
  set_retval: 187,
} as const;

/** The name of a helper without "bpf_". */
export type Helper = keyof typeof HELPERS;

const NAMES = new Map<number, string>(Object.entries(HELPERS).map(([name, number]) => [number, name]));

export function helperName(number: number): string | undefined {
  return NAMES.get(number);
}
