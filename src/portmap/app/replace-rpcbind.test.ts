// Tests the replacement of rpcbind on a host in memory: which process is stopped, and what is recorded.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SimClock } from '../../../test/support/sim/clock.ts';
import { SimFiles } from '../../../test/support/sim/files.ts';
import { parseIp } from '../../base/address.ts';
import { PortreeveError } from '../../base/errors.ts';
import type { ProcessInfo } from '../../host/host.ts';
import { parseSettings } from '../../kit/settings-file.ts';
import type { Rpcb } from '../wire/rpcbind.ts';
import { PORTMAP_SECTION } from './settings.ts';
import {
  type Listening,
  planTakeOver,
  recordListen,
  stopRpcbind,
  type TakeOverDeps,
  takeOverText,
} from './take-over.ts';

const SYSTEMD: ProcessInfo = { pid: 1, name: 'systemd', uid: 0, rssBytes: 0 };
const RPCBIND: ProcessInfo = { pid: 111, name: 'rpcbind', uid: 0, rssBytes: 0 };
const FILE = '/etc/portreeve/portreeve.toml';
const ADDRESS = parseIp('192.0.2.1') ?? assert.fail();
const LISTENING: Listening = {
  addresses: [ADDRESS],
  addressesFrom: 'rpcbind',
  file: FILE,
  isListenSet: false,
};
const LIST: readonly Rpcb[] = [
  { program: 100_000, version: 4, netid: 'tcp', address: '0.0.0.0.0.111', owner: 'superuser' },
  { program: 100_005, version: 3, netid: 'tcp', address: '0.0.0.0.78.32', owner: 'superuser' },
  { program: 100_024, version: 1, netid: 'x25', address: 'somewhere', owner: '103' },
];

/** A host on which rpcbind runs, and a record of what was done to it. */
class Host {
  readonly clock = new SimClock();
  readonly done: string[] = [];
  holders: ProcessInfo[] = [SYSTEMD, RPCBIND];
  /** How long rpcbind runs after SIGTERM, in milliseconds. */
  goesOnMs = 0;

  deps(changes: Partial<TakeOverDeps> = {}): TakeOverDeps {
    const end = (what: string) => {
      this.done.push(what);
      this.clock.after(this.goesOnMs, () => {
        this.holders = [SYSTEMD];
      });
    };
    return {
      holders: () => this.holders,
      isSystemdBooted: false,
      registrations: async () => LIST,
      addressesOf: () => ({ listen: [ADDRESS], skipped: [] }),
      run: (argv) => void end(argv.join(' ')),
      terminate: (pid) => end(`SIGTERM ${pid}`),
      clock: this.clock,
      ...changes,
    };
  }

  /** Stops rpcbind while the clock advances. */
  async stop(deps: TakeOverDeps): Promise<void> {
    const plan = await planTakeOver(deps);
    let isOver = false;
    const stopped = stopRpcbind(deps, plan).finally(() => {
      isOver = true;
    });
    stopped.catch(() => undefined);
    while (!isOver) {
      this.clock.advance(10);
      await new Promise((resolve) => setImmediate(resolve));
    }
    return stopped;
  }
}

const code = (expected: string) => (thrown: unknown) =>
  thrown instanceof PortreeveError && thrown.code === expected;

describe('a plan', () => {
  test('is for the port mapper and not for systemd, and changes nothing', async () => {
    const host = new Host();
    const plan = await planTakeOver(host.deps());
    assert.equal(plan.rpcbind, RPCBIND);
    assert.deepEqual(
      plan.carried.entries.map(({ program, uaddr }) => [program, uaddr]),
      [[100_005, '0.0.0.0.78.32']],
    );
    const text = takeOverText(plan, LISTENING);
    assert.match(text, /^rpcbind \(pid 111\) .*\n1\. Read its 1 registration of 1 user\./);
    assert.match(
      text,
      /not valid, and skipped: program 100024 x25 somewhere\n2\. Stop it: SIGTERM to pid 111/,
    );
    assert.match(text, /The addresses are written to \/etc\/portreeve\/portreeve\.toml/);
    assert.deepEqual(host.done, []);
  });

  test('is refused if there is no port mapper, and if it is portreeve', async () => {
    const host = new Host();
    host.holders = [SYSTEMD];
    await assert.rejects(planTakeOver(host.deps()), code('NO_PORT_MAPPER'));
    host.holders = [{ ...RPCBIND, name: 'portreeve-portmap' }];
    await assert.rejects(planTakeOver(host.deps()), code('IS_PORTREEVE'));
  });
});

describe('rpcbind', () => {
  test('is stopped by a signal, or by systemctl where systemd would restart it', async () => {
    const host = new Host();
    await host.stop(host.deps());
    assert.deepEqual(host.done, ['SIGTERM 111']);
    const booted = new Host();
    await booted.stop(booted.deps({ isSystemdBooted: true }));
    assert.deepEqual(booted.done, ['systemctl stop rpcbind.socket rpcbind.service']);
  });

  test('is waited for until the timeout', async () => {
    const slow = new Host();
    slow.goesOnMs = 3000;
    await slow.stop(slow.deps());
    assert.ok(slow.clock.monotonic() >= 3000);
    const stubborn = new Host();
    stubborn.goesOnMs = Number.POSITIVE_INFINITY;
    await assert.rejects(stubborn.stop(stubborn.deps()), code('NOT_STOPPED'));
  });

  test('is an error if it cannot be signaled', async () => {
    const host = new Host();
    const failing: Partial<TakeOverDeps>[] = [
      { isSystemdBooted: true, run: () => 'Access denied\n' },
      {
        terminate: () => {
          throw new Error('EPERM');
        },
      },
    ];
    for (const changes of failing) await assert.rejects(host.stop(host.deps(changes)), code('NOT_STOPPED'));
    assert.deepEqual(host.holders, [SYSTEMD, RPCBIND]);
  });
});

describe('the addresses', () => {
  const plan = planTakeOver(new Host().deps());
  const recording = () => {
    const files = new SimFiles({}, 1);
    const write = (path: string, text: string) => files.write(path, text);
    const parse = (text: string, path: string) => parseSettings(text, path, [PORTMAP_SECTION]);
    return { files, write, parseSettings: parse };
  };

  test('are written if no setting has them', async () => {
    const deps = recording();
    assert.equal((await recordListen(deps, await plan, LISTENING))?.isWritten, true);
    assert.match(deps.files.readText(FILE, 1000) ?? '', /\[portmap\]\n.*\nlisten = \["192\.0\.2\.1"\]\n$/);
  });

  test('are not written if the settings have them, or for loopback', async () => {
    const deps = recording();
    assert.equal(await recordListen(deps, await plan, { ...LISTENING, isListenSet: true }), undefined);
    assert.equal(await recordListen(deps, await plan, { ...LISTENING, addresses: [] }), undefined);
    assert.equal(deps.files.readText(FILE, 1000), undefined);
  });

  test('are logged if the file cannot be written', async () => {
    const deps = recording();
    deps.files.write(FILE, 'broken = [');
    const record = await recordListen(deps, await plan, LISTENING);
    assert.equal(record?.isWritten, false);
    assert.match(
      record?.message ?? '',
      /could not write .*; without \[portmap\] listen = \["192\.0\.2\.1"\]/s,
    );
    assert.equal(deps.files.readText(FILE, 1000), 'broken = [');
  });
});
