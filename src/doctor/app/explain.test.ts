// What is gathered about a port of a host in memory: the profile, refusals, names, and what cannot be told.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { explainHost, refusal } from '../../../test/support/explain-host.ts';
import { parseIp } from '../../base/address.ts';
import { PortreeveError } from '../../base/errors.ts';
import { explain } from './explain.ts';

async function explained(port: number, words?: Parameters<typeof explainHost>[0]) {
  const [only] = await explain(port, ['tcp'], explainHost(words));
  return only ?? assert.fail('no explanation');
}

describe('the profile', () => {
  const profile = 'PORT 8080 TCP WEB\nPORTRANGE 9000 10 TCP RESERVED\n';

  test('says whom it reserves a port for, and what it says to whom', async () => {
    const { reservations, revision, you, root, answer } = await explained(8080, { profile });
    assert.deepEqual(
      reservations?.map(({ source }) => source.text),
      ['8080 TCP WEB'],
    );
    assert.equal(revision, 1);
    assert.deepEqual([you.job, you.permission, root.permission], ['ALICE', 'refused', 'refused']);
    assert.equal(answer.cause, 'REFUSED');
    assert.equal((await explained(9009, { profile })).answer.cause, 'REFUSED');
    assert.equal((await explained(9010, { profile })).answer.can, 'yes');
  });

  test('is not asked where none was applied, nor is the guard', async () => {
    const guard = () => assert.fail('there is none');
    const { reservations, revision, guard: mode, unknown } = await explained(8080, { guard });
    assert.deepEqual(
      { reservations, revision, mode, unknown },
      { reservations: [], revision: undefined, mode: 'off', unknown: [] },
    );
  });
});

test('refusals of one job and program are one, the latest first, of the protocol that is asked for', async () => {
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

test('a port has the names of the host, of IANA and of the port mapper', async () => {
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

test('what cannot be looked at is told, and the rest is there', async () => {
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
    'what is registered with the port mapper: the mapper cannot be read',
    'what the guard does: the guard cannot be read',
    'what the guard refused: the archive cannot be read',
    'what the profile says: the file cannot be read',
  ]);
  const { guard, refusals, reservations, names } = others;
  assert.deepEqual(
    [guard, refusals, reservations, names.registered],
    [undefined, undefined, undefined, undefined],
  );
  assert.equal(answer.can, 'yes');
});

test('a mistake of ours is not taken for something that cannot be told', async () => {
  const broken = async () => assert.fail('broken');
  await assert.rejects(explained(8080, { events: broken }), /broken/);
});

test('a program that cannot be seen is told, and that it may be the kernel where root does not see it', async () => {
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
  assert.deepEqual(unknown, ['which program has it: none is seen; root sees more']);
  assert.equal(answer.why, 'a program of user root listens');
  const [ofRoot] = (await explained(8080, { open, uid: 0 })).unknown;
  assert.match(ofRoot ?? '', /^which program has it: none that can be seen; it may be the kernel itself/);
});
