// `portreeve portmap take-over`: reads what a running rpcbind has registered, stops it, and serves in its place.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { type CarriedEntries, carriedEntries, planText, type StopMethod } from '../app/take-over.ts';
import { messageOf, PortreeveError } from '../base/errors.ts';
import { PORTMAP_PORT } from '../base/port.ts';
import { Portmap } from '../client/portmap.ts';
import type { Host, ProcessInfo } from '../host/host.ts';
import { RPCBIND_SOCKET } from './settings.ts';

/** Where systemd runs, it would start again what was only killed (sd_booted(3)). */
const SYSTEMD_RUNS = '/run/systemd/system';
/** rpcbind ends at once when it is told to. */
const STOP_TIMEOUT_MS = 5000;
const POLL_MS = 20;

/** What is to be done. */
export interface TakeOver {
  readonly rpcbind: ProcessInfo;
  readonly stop: StopMethod;
  readonly carried: CarriedEntries;
}

/** The processes that have the sockets of a port mapper. */
function holdersOf(host: Host): ProcessInfo[] {
  return [
    ...host.sockets.holders({ path: RPCBIND_SOCKET }),
    ...host.sockets.holders({ protocol: 'udp', port: PORTMAP_PORT }),
  ];
}

/** Looks at the port mapper that runs. Throws PortreeveError (refused) `NO_PORT_MAPPER` if there is none. */
export async function planTakeOver(host: Host): Promise<TakeOver> {
  // systemd holds the socket besides, where it has opened it for rpcbind.
  const rpcbind = holdersOf(host).find(({ pid }) => pid !== 1);
  if (!rpcbind) {
    const hint = 'There is nothing to be taken over. Start portreeve with: portreeve serve';
    throw new PortreeveError('refused', 'NO_PORT_MAPPER', 'no port mapper runs on this host', hint);
  }
  if (rpcbind.name.startsWith('portreeve')) {
    const hint = 'Look at it with: portreeve status';
    throw new PortreeveError(
      'refused',
      'IS_PORTREEVE',
      `portreeve (pid ${rpcbind.pid}) is the port mapper`,
      hint,
    );
  }
  const isService = existsSync(SYSTEMD_RUNS);
  const command = ['systemctl', 'stop', 'rpcbind.socket', 'rpcbind.service'];
  const stop: StopMethod = isService ? { command } : { signal: rpcbind };
  return { rpcbind, stop, carried: carriedEntries(await readList()) };
}

async function readList() {
  await using mapper = new Portmap({ transport: 'local', path: RPCBIND_SOCKET });
  const list = await mapper.dump();
  return list.map((entry) => ({ ...entry, owner: entry.owner ?? 'unknown' }));
}

export function takeOverPlan({ rpcbind, stop, carried }: TakeOver): string {
  return planText(rpcbind, stop, carried);
}

/** Stops it and waits until it is gone. Throws PortreeveError `NOT_STOPPED` (world) if it does not go. */
export async function stopRpcbind(host: Host, { rpcbind, stop }: TakeOver): Promise<void> {
  if ('command' in stop) {
    const [program = '', ...args] = stop.command;
    const { status, stderr } = spawnSync(program, args, { encoding: 'utf8', timeout: STOP_TIMEOUT_MS });
    if (status !== 0) throw notStopped(rpcbind, stderr);
  } else {
    try {
      process.kill(rpcbind.pid, 'SIGTERM');
    } catch (thrown) {
      throw notStopped(rpcbind, messageOf(thrown));
    }
  }
  const deadline = host.clock.monotonic() + STOP_TIMEOUT_MS;
  while (isHolding(host, rpcbind)) {
    if (host.clock.monotonic() > deadline) throw notStopped(rpcbind, 'it still runs');
    await new Promise<void>((resolve) => host.clock.after(POLL_MS, resolve));
  }
}

/** A process that has ended and that nobody has waited for holds nothing any more. */
function isHolding(host: Host, { pid }: ProcessInfo): boolean {
  return holdersOf(host).some((holder) => holder.pid === pid);
}

function notStopped({ name, pid }: ProcessInfo, why: string): PortreeveError {
  const hint = 'Nothing was changed. Stop it yourself, and start portreeve with: portreeve serve';
  return new PortreeveError(
    'world',
    'NOT_STOPPED',
    `${name} (pid ${pid}) could not be stopped: ${why.trim()}`,
    hint,
  );
}
