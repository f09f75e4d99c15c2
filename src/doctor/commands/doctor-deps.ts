// The real dependencies of `portreeve doctor`, for examining and for fixing this host.

import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { PortreeveError } from '../../base/errors.ts';
import { guardSettings } from '../../guard/app/settings.ts';
import { assignableElsewhere } from '../../guard/commands/deps.ts';
import { replaceFile } from '../../host/linux/files.ts';
import { remove } from '../../host/linux/install.ts';
import { takeLock } from '../../host/linux/lock.ts';
import { makeDirectory, putFile } from '../../host/linux/put-file.ts';
import { runningPrograms } from '../../host/linux/running-programs.ts';
import { SysctlRecordFile } from '../../host/linux/sysctl-record.ts';
import { linuxSysctls } from '../../host/linux/sysctls.ts';
import { pathInTree } from '../../host/linux/tree-path.ts';
import type { Io } from '../../kit/io.ts';
import { sectionOf } from '../../kit/settings.ts';
import type { BootFiles } from '../../names/app/boot-settings.ts';
import { bootFiles, bootReader } from '../../names/commands/deps.ts';
import { ownState } from '../../profile/commands/deps.ts';
import type { Suppression } from '../app/examine.ts';
import type { FixDeps } from '../app/fix.ts';
import { DOCTOR_SECTION } from '../app/settings.ts';
import type { SnapshotDeps, SnapshotSettings } from '../app/snapshot.ts';
import { FileRecordFile } from '../linux/file-record.ts';
import { explainDeps } from './explain-deps.ts';
import type { DoctorOptions } from './index.ts';

/** This host, as far as the calling user may see it; with `root`, the files of another system's tree. */
export function doctorDeps({ state, root }: DoctorOptions, io: Io): SnapshotDeps {
  const deps = explainDeps(state === undefined ? {} : { state }, io);
  const assignable = () => assignableElsewhere(io);
  return { ...deps, assignable, files: filesAt(root), reader: bootReader(), programs: runningPrograms };
}

/** The settings from portreeve.toml and the options. */
export async function doctorSettings(
  { bpxprm, config }: DoctorOptions,
  io: Io,
): Promise<{ readonly settings: SnapshotSettings; readonly suppressions: readonly Suppression[] }> {
  const settings = await io.readSettings(config);
  const { omvsJob, errnoLow } = guardSettings(settings);
  const doctor = sectionOf(settings, DOCTOR_SECTION);
  const member = bpxprm === undefined ? doctor.bpxprm : resolve(bpxprm);
  return { settings: { omvsJob, errnoLow, bpxprm: member }, suppressions: doctor.suppress ?? [] };
}

/** The kernel settings of this host are not changed if the files belong to another system. */
export function fixDeps({ root, state }: DoctorOptions, io: Io): FixDeps {
  const at = atRoot(root);
  // The records of another system are stored in its tree.
  const directory = at(join(ownState(state, io), 'doctor'));
  return {
    sysctls: root === undefined ? linuxSysctls : undefined,
    sysctlRecord: new SysctlRecordFile(directory),
    files: filesAt(root),
    reader: bootReader(),
    put: (path, text) => (existsSync(at(path)) ? replaceFile : putFile)(at(path), text),
    remove: (path) => remove(at(path)),
    fileRecord: new FileRecordFile(join(directory, 'files.json')),
    exclusively: (act) => exclusively(directory, act),
  };
}

function filesAt(root: string | undefined): BootFiles {
  const at = atRoot(root);
  return {
    names: (directory) => bootFiles.names(at(directory)),
    readText: (path, maxBytes) => bootFiles.readText(at(path), maxBytes),
  };
}

function atRoot(root: string | undefined): (path: string) => string {
  return root === undefined ? (path) => path : (path) => pathInTree(resolve(root), path);
}

/** Runs `act` while it holds the lock of the records in `directory`. */
function exclusively<Result>(directory: string, act: () => Result): Result {
  makeDirectory(directory);
  const lock = takeLock(join(directory, 'lock'));
  if ('heldBy' in lock) {
    const who = lock.heldBy === 0 ? '' : ` (pid ${lock.heldBy})`;
    const message = `another portreeve doctor is running${who}`;
    throw new PortreeveError('DOCTOR_BUSY', message, 'Try again.', { pid: lock.heldBy });
  }
  try {
    return act();
  } finally {
    lock.release();
  }
}
