/** Tests which sockets portmap plans and opens, and the errors that name the holder of a port. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ip } from '../../../test/support/service.ts';
import { type SimHostOptions, simHost } from '../../../test/support/sim/host.ts';
import { PortreeveError } from '../../base/errors.ts';
import { PORTMAP_PORT, parsePort } from '../../base/port.ts';
import type { EndpointSpec, OpenFailure } from '../../host/host.ts';
import {
  byNetId,
  closeEndpoints,
  endpointText,
  type GuardCheck,
  holdersText,
  openEndpoints,
  planEndpoints,
} from './listen.ts';

const LOCAL = '/run/rpcbind.sock';

function plan(...addresses: readonly string[]) {
  return planEndpoints({ addresses: addresses.map(ip), port: PORTMAP_PORT, localPath: LOCAL });
}

const planned = (...addresses: readonly string[]): string[] =>
  plan(...addresses).map(
    ({ spec, isRequired }) => `${spec.netid} ${endpointText(spec)}${isRequired ? '' : '?'}`,
  );

const LOCAL_BOTH = [`local ${LOCAL}`, `local @${LOCAL}`];

describe('the plan', () => {
  test('without addresses has loopback, of each family of the host, and the Unix socket', () => {
    assert.deepEqual(planned(), [
      'tcp 127.0.0.1:111?',
      'udp 127.0.0.1:111?',
      'tcp6 [::1]:111?',
      'udp6 [::1]:111?',
      ...LOCAL_BOTH,
    ]);
  });

  test('with an address has loopback in addition', () => {
    assert.deepEqual(planned('192.0.2.1'), ['tcp 192.0.2.1:111', 'udp 192.0.2.1:111', ...planned()]);
  });

  test('with a wildcard has no loopback of its family, which it covers', () => {
    assert.deepEqual(planned('0.0.0.0'), [
      'tcp 0.0.0.0:111',
      'udp 0.0.0.0:111',
      'tcp6 [::1]:111?',
      'udp6 [::1]:111?',
      ...LOCAL_BOTH,
    ]);
    assert.deepEqual(planned('0.0.0.0', '::').slice(0, -2), [
      'tcp 0.0.0.0:111',
      'udp 0.0.0.0:111',
      'tcp6 [::]:111',
      'udp6 [::]:111',
    ]);
  });

  test('with loopback as an explicit address requires it', () => {
    assert.deepEqual(planned('::1').slice(0, 2), ['tcp6 [::1]:111', 'udp6 [::1]:111']);
  });
});

/** The error with which opening fails. */
function failure(
  options: SimHostOptions,
  addresses: readonly string[],
  prepare = (_host: ReturnType<typeof simHost>) => {},
) {
  const host = simHost(options);
  prepare(host);
  try {
    openEndpoints(host, plan(...addresses));
  } catch (thrown) {
    assert.ok(thrown instanceof PortreeveError);
    assert.equal(thrown.kind, 'environment');
    assert.deepEqual(host.sockets.opened, [], 'what was opened is closed again');
    return thrown;
  }
  return assert.fail('everything was opened');
}

function thrownBy(act: () => unknown): PortreeveError {
  try {
    act();
  } catch (thrown) {
    assert.ok(thrown instanceof PortreeveError);
    return thrown;
  }
  return assert.fail('everything was opened');
}

describe('opening', () => {
  test('returns every socket of the plan', () => {
    const host = simHost({ addresses: [ip('192.0.2.1')] });
    const { endpoints, absent } = openEndpoints(host, plan('192.0.2.1'));
    assert.deepEqual([endpoints.length, absent], [8, []]);
    assert.deepEqual(host.sockets.opened, endpoints);
    closeEndpoints(host.sockets, endpoints);
    assert.deepEqual(host.sockets.opened, []);
  });

  test('skips an address family that was not requested and is absent, and reports it', () => {
    const { endpoints, absent } = openEndpoints(simHost({ families: [4] }), plan());
    assert.equal(endpoints.length, 4);
    assert.deepEqual(absent.map(endpointText), ['[::1]:111', '[::1]:111']);
    assert.equal(failure({ families: [4] }, ['::1']).code, 'ENDPOINT_ABSENT');
  });

  test('requires at least one IP address', () => {
    const error = failure({ families: [] }, []);
    assert.equal(error.code, 'ENDPOINT_ABSENT');
    assert.match(error.message, /neither 127\.0\.0\.1 nor ::1/);
  });

  test('fails with the address that the host does not have', () => {
    const error = failure({}, ['192.0.2.1']);
    assert.deepEqual(
      [error.code, error.message],
      ['ENDPOINT_ABSENT', 'this host does not have the address of 192.0.2.1:111/tcp'],
    );
    assert.deepEqual(error.data, { endpoint: '192.0.2.1:111/tcp', errno: 'EADDRNOTAVAIL' });
  });

  test('fails without the privilege, with the uid and what is permitted', () => {
    const error = failure({ uid: 1000 }, []);
    assert.deepEqual(
      [error.code, error.message],
      ['ENDPOINT_DENIED', 'permission denied: uid 1000 may not open 127.0.0.1:111/tcp'],
    );
    assert.match(error.hint, /^Start it as root, or choose port 1024 or above with --port/);
    const host = simHost({ uid: 1000 });
    const localPath = '/run/user/1000/rpcbind.sock';
    const { endpoints } = openEndpoints(
      host,
      planEndpoints({ addresses: [], port: parsePort('10111'), localPath }),
    );
    assert.equal(endpoints.length, 6);
    const path = failure({ uid: 1000, families: [] }, []);
    assert.match(path.message, /^permission denied: uid 1000 may not open \/run\/rpcbind\.sock$/);
    assert.match(path.hint, /--local/);
  });

  test('does not suggest root where no privileged port rule applies', () => {
    const denied = (uid: number, text: string) => {
      const host = simHost({ uid });
      const wanted = planEndpoints({ addresses: [], port: parsePort(text), localPath: LOCAL });
      const [first] = wanted;
      if (first) host.sockets.fail(first.spec, 'EACCES', 'denied');
      return thrownBy(() => openEndpoints(host, wanted));
    };
    for (const uid of [0, 1000]) {
      const { code, hint } = denied(uid, '2111');
      assert.equal(code, 'ENDPOINT_DENIED');
      assert.match(hint, /a guard or a security module denies it.*portreeve explain 2111\/tcp$/);
    }
    assert.match(denied(0, '111').hint, /^The container lacks CAP_NET_BIND_SERVICE, or a security module/);
  });

  test('fails with the error of the guard, which is consulted only if it may be the cause', () => {
    const checked: string[] = [];
    const fails = (spec: EndpointSpec, errno: string, reason: OpenFailure['reason']) => {
      const host = simHost({});
      host.sockets.fail(spec, errno, reason);
      const guard: GuardCheck = (refused) => {
        checked.push(endpointText(refused));
        return new PortreeveError('GUARD_REFUSED', 'the guard refuses it');
      };
      const { code } = thrownBy(() => openEndpoints(host, plan(), [], guard));
      assert.deepEqual(host.sockets.opened, []);
      return code;
    };
    const tcp: EndpointSpec = { netid: 'tcp', address: ip('127.0.0.1'), port: PORTMAP_PORT };
    assert.equal(fails(tcp, 'EACCES', 'denied'), 'GUARD_REFUSED');
    assert.equal(fails(tcp, 'EADDRINUSE', 'taken'), 'GUARD_REFUSED');
    assert.deepEqual(checked.splice(0), ['127.0.0.1:111', '127.0.0.1:111']);
    assert.equal(fails(tcp, 'EMFILE', 'other'), 'ENDPOINT_FAILED');
    assert.equal(fails({ netid: 'local', path: LOCAL }, 'EACCES', 'denied'), 'ENDPOINT_DENIED');
    assert.deepEqual(checked, []);
  });

  test('fails with the holder of a port that is in use', () => {
    const rpcbind = { pid: 812, name: 'rpcbind', uid: 102, rssBytes: 4096 };
    const byAddress = failure({}, [], (host) => {
      host.sockets.occupy({ netid: 'udp', address: ip('0.0.0.0'), port: PORTMAP_PORT }, rpcbind);
    });
    assert.deepEqual(
      [byAddress.code, byAddress.message],
      ['ENDPOINT_TAKEN', '127.0.0.1:111/udp is in use by rpcbind (pid 812)'],
    );
    const byPath = failure(
      {},
      [],
      (host) => void host.sockets.occupy({ netid: 'local', path: LOCAL }, rpcbind),
    );
    assert.equal(byPath.message, '/run/rpcbind.sock is in use by rpcbind (pid 812)');
    assert.match(byPath.hint, /--local/);
  });

  test('fails with the error of the system otherwise', () => {
    const error = failure({}, [], (host) =>
      host.sockets.fail({ netid: 'local', path: `@${LOCAL}` }, 'EMFILE'),
    );
    assert.deepEqual(
      [error.code, error.message],
      ['ENDPOINT_FAILED', 'cannot open @/run/rpcbind.sock: EMFILE'],
    );
  });
});

test('all holders are named', () => {
  const one = { pid: 1, name: 'init', uid: 0, rssBytes: 0 };
  assert.equal(holdersText([]), 'a process that is not visible from here');
  assert.equal(holdersText([one, { ...one, pid: 2, name: 'inetd' }]), 'init (pid 1), inetd (pid 2)');
});

test('the endpoints of each transport are in the order in which rpcbind lists its own', () => {
  const { endpoints } = openEndpoints(simHost({ addresses: [ip('192.0.2.1')] }), plan('192.0.2.1'));
  assert.deepEqual(
    byNetId(endpoints).map(({ netid, endpoints: specs }) => [netid, ...specs.map(endpointText)]),
    [
      ['tcp6', '[::1]:111'],
      ['udp6', '[::1]:111'],
      ['tcp', '192.0.2.1:111', '127.0.0.1:111'],
      ['udp', '192.0.2.1:111', '127.0.0.1:111'],
      ['local', LOCAL, `@${LOCAL}`],
    ],
  );
});
