/** Where portmap listens: what is planned, opened all or nothing, and who is in the way. */

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
  type GuardAsked,
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
  test('without addresses is loopback, of each family that there is, and the Unix socket', () => {
    assert.deepEqual(planned(), [
      'tcp 127.0.0.1:111?',
      'udp 127.0.0.1:111?',
      'tcp6 [::1]:111?',
      'udp6 [::1]:111?',
      ...LOCAL_BOTH,
    ]);
  });

  test('with an address has that besides', () => {
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

  test('with loopback by name requires it', () => {
    assert.deepEqual(planned('::1').slice(0, 2), ['tcp6 [::1]:111', 'udp6 [::1]:111']);
  });
});

/** The error that opening ends with. */
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
  test('gives every socket of the plan', () => {
    const host = simHost({ addresses: [ip('192.0.2.1')] });
    const { endpoints, absent } = openEndpoints(host, plan('192.0.2.1'));
    assert.deepEqual([endpoints.length, absent], [8, []]);
    assert.deepEqual(host.sockets.opened, endpoints);
    closeEndpoints(host.sockets, endpoints);
    assert.deepEqual(host.sockets.opened, []);
  });

  test('does without a family that nobody asked for by name, and says which', () => {
    const { endpoints, absent } = openEndpoints(simHost({ families: [4] }), plan());
    assert.equal(endpoints.length, 4);
    assert.deepEqual(absent.map(endpointText), ['[::1]:111', '[::1]:111']);
    assert.equal(failure({ families: [4] }, ['::1']).code, 'ENDPOINT_ABSENT');
  });

  test('needs at least one IP address', () => {
    const error = failure({ families: [] }, []);
    assert.equal(error.code, 'ENDPOINT_ABSENT');
    assert.match(error.message, /neither 127\.0\.0\.1 nor ::1/);
  });

  test('of an address that the host does not have tells which', () => {
    const error = failure({}, ['192.0.2.1']);
    assert.deepEqual(
      [error.code, error.message],
      ['ENDPOINT_ABSENT', 'this host has no address for 192.0.2.1:111/tcp'],
    );
    assert.deepEqual(error.data, { endpoint: '192.0.2.1:111/tcp', errno: 'EADDRNOTAVAIL' });
  });

  test('without the privilege tells as whom, and what would be allowed', () => {
    const error = failure({ uid: 1000 }, []);
    assert.deepEqual(
      [error.code, error.message],
      ['ENDPOINT_DENIED', '127.0.0.1:111/tcp may not be opened by uid 1000'],
    );
    assert.match(error.hint, /^Start it as root, or choose a port from 1024 on with --port/);
    const host = simHost({ uid: 1000 });
    const localPath = '/run/user/1000/rpcbind.sock';
    const { endpoints } = openEndpoints(
      host,
      planEndpoints({ addresses: [], port: parsePort('10111'), localPath }),
    );
    assert.equal(endpoints.length, 6);
    const path = failure({ uid: 1000, families: [] }, []);
    assert.match(path.message, /^\/run\/rpcbind\.sock may not be opened by uid 1000$/);
    assert.match(path.hint, /--local/);
  });

  test('where it is no rule of Linux does not send to root', () => {
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
      assert.match(hint, /a guard or a security module refuses it.*portreeve explain 2111\/tcp$/);
    }
    assert.match(denied(0, '111').hint, /^A container without CAP_NET_BIND_SERVICE, or a security module/);
  });

  test('that the guard refuses is told as it says, and is asked only where it may have been the guard', () => {
    const asked: string[] = [];
    const fails = (spec: EndpointSpec, errno: string, reason: OpenFailure['reason']) => {
      const host = simHost({});
      host.sockets.fail(spec, errno, reason);
      const guard: GuardAsked = (refused) => {
        asked.push(endpointText(refused));
        return new PortreeveError('GUARD_REFUSED', 'the guard refuses it');
      };
      const { code } = thrownBy(() => openEndpoints(host, plan(), [], guard));
      assert.deepEqual(host.sockets.opened, []);
      return code;
    };
    const tcp: EndpointSpec = { netid: 'tcp', address: ip('127.0.0.1'), port: PORTMAP_PORT };
    assert.equal(fails(tcp, 'EACCES', 'denied'), 'GUARD_REFUSED');
    assert.equal(fails(tcp, 'EADDRINUSE', 'taken'), 'GUARD_REFUSED');
    assert.deepEqual(asked.splice(0), ['127.0.0.1:111', '127.0.0.1:111']);
    assert.equal(fails(tcp, 'EMFILE', 'other'), 'ENDPOINT_FAILED');
    assert.equal(fails({ netid: 'local', path: LOCAL }, 'EACCES', 'denied'), 'ENDPOINT_DENIED');
    assert.deepEqual(asked, []);
  });

  test('of what is taken tells by whom', () => {
    const rpcbind = { pid: 812, name: 'rpcbind', uid: 102, rssBytes: 4096 };
    const byAddress = failure({}, [], (host) => {
      host.sockets.occupy({ netid: 'udp', address: ip('0.0.0.0'), port: PORTMAP_PORT }, rpcbind);
    });
    assert.deepEqual(
      [byAddress.code, byAddress.message],
      ['ENDPOINT_TAKEN', '127.0.0.1:111/udp is taken by rpcbind (pid 812)'],
    );
    const byPath = failure(
      {},
      [],
      (host) => void host.sockets.occupy({ netid: 'local', path: LOCAL }, rpcbind),
    );
    assert.equal(byPath.message, '/run/rpcbind.sock is taken by rpcbind (pid 812)');
    assert.match(byPath.hint, /--local/);
  });

  test('that fails otherwise tells the error of the system', () => {
    const error = failure({}, [], (host) =>
      host.sockets.fail({ netid: 'local', path: `@${LOCAL}` }, 'EMFILE'),
    );
    assert.deepEqual(
      [error.code, error.message],
      ['ENDPOINT_FAILED', 'cannot open @/run/rpcbind.sock: EMFILE'],
    );
  });
});

test('holders are named, however many there are', () => {
  const one = { pid: 1, name: 'init', uid: 0, rssBytes: 0 };
  assert.equal(holdersText([]), 'a process that cannot be seen from here');
  assert.equal(holdersText([one, { ...one, pid: 2, name: 'inetd' }]), 'init (pid 1), inetd (pid 2)');
});

test('the endpoints of each transport come in the order in which rpcbind lists its own', () => {
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
