// The commands of the guard, with their own cgroup, network and directory of bpffs, which are removed afterwards.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { GuardPlace } from '../../src/guard/app/kernel/install.ts';
import { cgroupRoot } from '../../src/host/linux/cgroup.ts';
import { PORTREEVE } from './daemon.ts';
import { namedNamespace } from './netns.ts';
import { needs, probe } from './probe.ts';

/** Two users who exist on every test host, by job. */
export const NOBODY = 65534;
export const ROOT_UID = 0;

/** What a test uses. */
export interface Workspace {
  readonly place: GuardPlace;
  /** The state directory. */
  readonly state: string;
  /** The file of its network namespace. */
  readonly network: string;
  /** Runs a command; `@` prefixes a file that was written. */
  readonly run: (line: string) => {
    readonly code: number | null;
    readonly stdout: string;
    readonly stderr: string;
  };
  /** The result of bind(2) of a TCP port for a user in the guarded cgroup: "ok", or the name of the errno. */
  readonly bind: (uid: number, port: number) => string;
  readonly write: (name: string, text: string) => void;
}

const BINDER = `
import errno, os, socket, sys
open(sys.argv[1] + '/cgroup.procs', 'w').write(str(os.getpid()))
os.setgroups([]); os.setuid(int(sys.argv[2]))
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
try:
    s.bind(('127.0.0.1', int(sys.argv[3])))
    print('ok')
except OSError as e:
    print(errno.errorcode[e.errno])
`;

let workspaces = 0;

/** A workspace that ends with the test; undefined where the machine does not support it, and the test is skipped. */
export function workspace(t: TestContext): Workspace | undefined {
  for (const each of [probe.root(), probe.netns(), probe.cgroup2(), probe.bpf(), probe.command('python3')]) {
    if (!needs(t, each)) return undefined;
  }
  const directory = mkdtempSync(join(tmpdir(), 'portreeve-guard-'));
  const name = `portreeve-test-${process.pid}-${++workspaces}`;
  const cgroup = join(cgroupRoot(), name);
  const pins = `/sys/fs/bpf/${name}`;
  mkdirSync(cgroup);
  // The guard writes the settings of its network.
  const network = namedNamespace();
  const enter = [`--net=${network.path}`];
  execFileSync('ip', ['-n', network.name, 'link', 'set', 'lo', 'up']);
  const place = ['--pins', pins];
  const run = (line: string) => {
    const words = line.split(' ').map((word) => word.replace(/^@/, `${directory}/`));
    const own = line === 'guard' ? [] : ['--state', join(directory, 'state')];
    const args = [...words, ...place, ...own];
    const argv = [...enter, PORTREEVE, ...args];
    const { status, stdout, stderr } = spawnSync('nsenter', argv, { encoding: 'utf8' });
    return { code: status, stdout, stderr };
  };
  t.after(() => {
    run('guard off');
    network.remove();
    rmdirSync(cgroup);
    rmSync(directory, { recursive: true });
    assert.deepEqual(
      readdirSync('/sys/fs/bpf').filter((each) => each.startsWith(name)),
      [],
    );
  });
  const bind = (uid: number, port: number) => {
    const args = [...enter, 'python3', '-c', BINDER, cgroup, `${uid}`, `${port}`];
    return spawnSync('nsenter', args, { encoding: 'utf8' }).stdout.trim();
  };
  const write = (name: string, text: string) => writeFileSync(join(directory, name), text);
  const started = (line: string) =>
    run(line.startsWith('guard e') || line.startsWith('guard ob') ? `${line} --cgroup ${cgroup}` : line);
  const state = join(directory, 'state');
  return { place: { pins, cgroup }, state, network: network.path, run: started, bind, write };
}
