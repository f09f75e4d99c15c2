// Kernel tracepoints: validates the record format, and opens a perf event for a tracepoint.
import { existsSync, readFileSync } from 'node:fs';
import { PortreeveError } from '../../../base/errors.ts';
import { Layout } from '../../../base/layout.ts';
import { parseDecimal } from '../../../base/port.ts';
import { errno, errnoName, sys } from './libc.ts';
import { addressOf, cText } from './memory.ts';

/** The usual mount point of tracefs. The kernel provides the directory. */
const TRACEFS = '/sys/kernel/tracing';

/** <sys/mount.h>: MS_NOSUID, MS_NODEV, MS_NOEXEC; MNT_DETACH. */
const MOUNT_FLAGS = 2 | 4 | 8;
const MNT_DETACH = 2;

/** <asm/unistd.h>: the system call number of perf_event_open(2). */
const PERF_EVENT_OPEN: Readonly<Record<string, number>> = { x64: 298, arm64: 241 };

/** <linux/perf_event.h>: PERF_TYPE_TRACEPOINT, PERF_FLAG_FD_CLOEXEC. */
const TYPE_TRACEPOINT = 2;
const FD_CLOEXEC = 8;

/** <linux/perf_event.h>: struct perf_event_attr in its first version. */
const EVENT_ATTRIBUTES = new Layout({
  type: 'u32',
  size: 'u32',
  config: 'u64',
  sample_period: 'u64',
  sample_type: 'u64',
  read_format: 'u64',
  flags: 'u64',
  wakeup_events: 'u32',
  bp_type: 'u32',
  config1: 'u64',
});

const ID_MAX = 2 ** 31 - 1;

/** The required offsets of fields in a record. */
type RecordShape = Readonly<Record<string, number>>;

/**
 * Opens a perf event for a tracepoint, for all processes. The caller must close the descriptor. Throws PortreeveError
 * (environment) `TRACEPOINT_MISSING` if the kernel does not have the tracepoint, or has a different one, and
 * `TRACEPOINT_CLOSED` without permission.
 */
export function openTracepoint(group: string, name: string, shape: RecordShape): number {
  const call = PERF_EVENT_OPEN[process.arch];
  if (call === undefined)
    throw missing(name, `the system call number of perf_event_open(2) is unknown for ${process.arch}`);
  const attributes = EVENT_ATTRIBUTES.encode({
    type: TYPE_TRACEPOINT,
    size: EVENT_ATTRIBUTES.bytes,
    config: BigInt(withTracefs(() => tracepointId(group, name, shape))),
    sample_period: 1n,
  });
  const fd = sys.perfEventOpen(call, addressOf(attributes), -1, 0, -1, FD_CLOEXEC);
  if (fd >= 0) return fd;
  throw closed(name, `perf_event_open(2) failed: ${errnoName(errno())}`);
}

/** The ID of a tracepoint, after a check of its record format. */
function tracepointId(group: string, name: string, shape: RecordShape): number {
  const directory = `${TRACEFS}/events/${group}/${name}`;
  const read = (file: string): string => {
    try {
      return readFileSync(`${directory}/${file}`, 'latin1');
    } catch {
      throw missing(name, `${directory}/${file} does not exist`);
    }
  };
  const offsets = recordOffsets(read('format'));
  const wrong = Object.entries(shape).find(([field, offset]) => offsets.get(field) !== offset);
  if (wrong) throw missing(name, `its record has no field ${wrong[0]} at byte ${wrong[1]}`);
  const id = parseDecimal(read('id').trim(), ID_MAX);
  if (id === undefined) throw missing(name, 'its ID cannot be read');
  return id;
}

/** "field:__data_loc char[] path;\toffset:24;\tsize:4;\tsigned:0;" */
function recordOffsets(format: string): Map<string, number> {
  const fields = format.matchAll(/^\s*field:[^;]*?(\w+)(?:\[\w*\])?;\s*offset:(\d+);/gm);
  return new Map(
    [...fields].map(([, field = '', offset = '']) => [field, parseDecimal(offset, ID_MAX) ?? -1]),
  );
}

/** Calls `act` with tracefs mounted. If it was not mounted, it is unmounted afterwards. */
function withTracefs<Result>(act: () => Result): Result {
  if (existsSync(`${TRACEFS}/events`)) return act();
  const [type, target] = [cText('tracefs'), cText(TRACEFS)];
  if (sys.mount(type.address, target.address, type.address, MOUNT_FLAGS, 0) !== 0) {
    throw closed('cgroup', `tracefs cannot be mounted at ${TRACEFS}: ${errnoName(errno())}`);
  }
  try {
    return act();
  } finally {
    // Detach it even if another process uses it now.
    sys.umount2(target.address, MNT_DETACH);
  }
}

function missing(name: string, why: string): PortreeveError {
  return new PortreeveError('TRACEPOINT_MISSING', `the tracepoint ${name} cannot be used: ${why}`);
}

function closed(name: string, why: string): PortreeveError {
  return new PortreeveError('TRACEPOINT_CLOSED', `the tracepoint ${name} cannot be used: ${why}`);
}
