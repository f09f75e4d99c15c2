// Collecting the facts about a port of a simulated host: the profile, refusals, names, and what is unknown.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { explainHost, refusal } from '../../../test/support/explain-host.ts';
import { parseIp } from '../../base/address.ts';
import { PortreeveError } from '../../base/errors.ts';
import { explain } from './explain.ts';

async function explained(port: number, changes?: Parameters<typeof explainHost>[0]) {
  const [only] = await explain(port, ['tcp'], explainHost(changes));
  return only ?? assert.fail('no explanation');
}

describe('the profile', () => {
  const profile = 'PORT 8080 TCP WEB\nPORTRANGE 9000 10 TCP RESERVED\n';

  test('determines the reservations and the permission of each user', async () => {
    const { reservations, revision, you, root, answer } = await explained(8080, { profile });
    assert.deepEqual(
      reservations?.map(({ source }) => source.text),
      ['8080 TCP WEB'],
    );
    assert.equal(revision, 1);
    assert.deepEqual([you.job, you.permission, root.permission], ['ALICE', 'refused', 'refused']);
    assert.equal(answer.cause, 'REFUSED');
    assert.equal((await explained(9009, { profile })).answer.cause, 'REFUSED');
    assert.equal((await explained(9010, { profile })).answer.available, 'yes');
  });

  test('is not read where no profile was applied, and the guard is not queried', async () => {
    const guard = () => assert.fail('there is no guard');
    const { reservations, revision, guard: mode, unknown } = await explained(8080, { guard });
    assert.deepEqual(
      { reservations, revision, mode, unknown },
      { reservations: [], revision: undefined, mode: 'off', unknown: [] },
    );
  });
});

test('refusals of the protocol are grouped by job and program, the latest first', async () => {
  const events = [
    refusal(1),
    refusal(2, { command: 'ftpd' }),
    refusal(3, { kind: 'more', count: 40 }),
    refusal(4, { protocol: 'udp' }),
    refusal(5, { kind: 'lost', verdict: null, protocol: null }),
  ];
  const { refusals } = await explained(8080, { events: async () => events });
  assert.deepEqual(
    refusals?.map(({ command, count, latestMs }) => [command, count, latestMs]),
    [
      ['httpd', 41, 3000],
      ['ftpd', 1, 2000],
    ],
  );
});

test('a port has the names of /etc/services, of IANA and of the port mapper', async () => {
  const registration = {
    program: 100_003,
    name: 'nfs',
    versions: [3, 4],
    protocol: 'tcp' as const,
    address: parseIp('0.0.0.0') ?? assert.fail(),
    port: 80,
    owner: 'superuser',
  };
  const registrations = async () => [registration, { ...registration, port: 81 }];
  const { names } = await explained(80, { registrations });
  assert.deepEqual(names.services, [{ name: 'http', port: 80, protocol: 'tcp', aliases: ['www'], line: 1 }]);
  assert.equal(names.iana.entries[0]?.name, 'http');
  assert.deepEqual(names.registered, [registration]);
});

test('reports what could not be determined, along with the rest', async () => {
  const denied = (what: string) => async () => {
    throw new PortreeveError('FILE_UNREADABLE', `${what} cannot be read\nfor some reason`);
  };
  const { unknown, answer, ...others } = await explained(8080, {
    profile: 'PORT 8080 TCP WEB\n',
    guard: denied('the guard'),
    events: denied('the archive'),
    registrations: denied('the mapper'),
    settings: denied('the file'),
  });
  assert.deepEqual(unknown.toSorted(), [
    'the mode of the guard: the guard cannot be read',
    'the refusals of the guard: the archive cannot be read',
    'the registrations with the port mapper: the mapper cannot be read',
    'the verdict of the profile: the file cannot be read',
  ]);
  const { guard, refusals, reservations, names } = others;
  assert.deepEqual(
    [guard, refusals, reservations, names.registered],
    [undefined, undefined, undefined, undefined],
  );
  assert.equal(answer.available, 'yes');
});

test('does not report a bug of portreeve as unknown', async () => {
  const broken = async () => assert.fail('broken');
  await assert.rejects(explained(8080, { events: broken }), /broken/);
});

test('reports an unknown owner, which for root may be the kernel', async () => {
  const open = [
    {
      protocol: 'tcp',
      state: 'LISTEN',
      local: { address: parseIp('0.0.0.0') ?? assert.fail(), port: 8080 },
      remote: undefined,
      v6Only: false,
      interfaceIndex: 0,
      uid: 0,
      inode: 4711,
      cgroupId: undefined,
      expiresMs: undefined,
    },
  ] as const;
  const { unknown, answer } = await explained(8080, { open });
  assert.deepEqual(unknown, ['owner unknown: no process found; run as root to see all owners']);
  assert.equal(answer.why, 'in use by a program of user root');
  const [ofRoot] = (await explained(8080, { open, uid: 0 })).unknown;
  assert.match(ofRoot ?? '', /^owner unknown: no process found; it may be the kernel itself/);
});
