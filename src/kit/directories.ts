// The directories that portreeve uses: the system's for root, the XDG directories for other users.
import type { Io } from './io.ts';

/** The directories of one user. */
interface Directories {
  /** Sockets and locks; lost at reboot. */
  readonly runtime: string;
  /** Data that persists across reboots. */
  readonly state: string;
  /** The directory of portreeve.toml. */
  readonly config: string;
}

/** Root's directories, which the host's daemon uses and every user may read. */
export const SYSTEM_DIRECTORIES: Directories = {
  runtime: '/run/portreeve',
  state: '/var/lib/portreeve',
  config: '/etc/portreeve',
};

/** The directory of the guard's pinned BPF objects. */
export const GUARD_PINS = '/sys/fs/bpf/portreeve';

/** The directories of the user; see the XDG Base Directory Specification. */
export function directoriesOf(uid: number, env: Readonly<Record<string, string | undefined>>): Directories {
  if (uid === 0) return SYSTEM_DIRECTORIES;
  const home = env['HOME'] ?? '/';
  // Without a login session there is no XDG_RUNTIME_DIR. A directory in /tmp is used only if the user owns it.
  const runtime = env['XDG_RUNTIME_DIR'];
  return {
    runtime: runtime ? `${runtime}/portreeve` : `/tmp/portreeve-${uid}`,
    state: `${env['XDG_STATE_HOME'] ?? `${home}/.local/state`}/portreeve`,
    config: `${env['XDG_CONFIG_HOME'] ?? `${home}/.config`}/portreeve`,
  };
}

/** The directories that a command searches by default: the user's own, then the system's. */
export function usualDirectories({ uid, env }: Pick<Io, 'uid' | 'env'>): readonly [Directories, Directories] {
  return [directoriesOf(uid, env), SYSTEM_DIRECTORIES];
}
