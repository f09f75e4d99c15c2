// Where portreeve keeps its things: the system's directories for root, the XDG directories for everybody else.
import type { Io } from './io.ts';

/** The directories of one user. */
interface Directories {
  /** Sockets and locks; gone after a reboot. */
  readonly runtime: string;
  /** What outlives a reboot. */
  readonly state: string;
  /** portreeve.toml is looked for here. */
  readonly config: string;
}

/** Root's directories: where the daemon of the host has its things, which everybody may look at. */
export const SYSTEM_DIRECTORIES: Directories = {
  runtime: '/run/portreeve',
  state: '/var/lib/portreeve',
  config: '/etc/portreeve',
};

/** Where the guard's names are in the BPF file system. */
export const GUARD_PINS = '/sys/fs/bpf/portreeve';

/** The directories of the user; see the XDG Base Directory Specification. */
export function directoriesOf(uid: number, env: Readonly<Record<string, string | undefined>>): Directories {
  if (uid === 0) return SYSTEM_DIRECTORIES;
  const home = env['HOME'] ?? '/';
  // Without a session there is no XDG_RUNTIME_DIR; the directory in /tmp is taken only if it is the user's own.
  const runtime = env['XDG_RUNTIME_DIR'];
  return {
    runtime: runtime ? `${runtime}/portreeve` : `/tmp/portreeve-${uid}`,
    state: `${env['XDG_STATE_HOME'] ?? `${home}/.local/state`}/portreeve`,
    config: `${env['XDG_CONFIG_HOME'] ?? `${home}/.config`}/portreeve`,
  };
}

/** Where a user's command looks if no directory is named: the user's own, then the system's. */
export function usualDirectories({ uid, env }: Pick<Io, 'uid' | 'env'>): readonly [Directories, Directories] {
  return [directoriesOf(uid, env), SYSTEM_DIRECTORIES];
}
