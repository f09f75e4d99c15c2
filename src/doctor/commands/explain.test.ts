// `portreeve explain`: its arguments, its output for a port of this process, and its exit status.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { capturedIo } from '../../../test/support/captured-io.ts';
import { PortreeveError } from '../../base/errors.ts';
import { explainCommand } from './explain.ts';

test('rejects an invalid port', async () => {
  for (const what of [
    '',
    '0',
    '65536',
    '080',
    'htpp',
    '80/',
    '80/sctp',
    '80/tcp/',
    '/tcp',
    '-1',
    '8090-8080',
  ]) {
    await assert.rejects(
      explainCommand([what], {}, capturedIo()),
      (thrown) => thrown instanceof PortreeveError && thrown.code === 'PORT_INVALID',
      what,
    );
  }
});

test('a port of this process is in use, and free after it is closed', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(typeof address === 'object' && address);
  const what = `${address.port}/TCP`;
  const io = capturedIo();
  assert.equal(await explainCommand([what], { json: true }, io), 1);
  const { port, explanations } = JSON.parse(io.stdout());
  const [{ answer, holders, binds, unknown, ...only }, ...others] = explanations;
  assert.deepEqual([port, only.protocol, others], [address.port, 'tcp', []]);
  assert.deepEqual([answer.available, answer.cause, answer.freeInMs], ['no', 'LISTENING', null]);
  assert.deepEqual(
    holders.map(({ state, owners }: { state: string; owners: { pid: number }[] }) => [state, owners[0]?.pid]),
    [['LISTEN', process.pid]],
  );
  assert.ok(
    binds.some(({ address: at, plain }: Record<string, unknown>) => at === '::1' && plain === 'free'),
  );
  assert.ok(Array.isArray(unknown));
  server.close();
  await once(server, 'close');
  const after = capturedIo();
  assert.equal(await explainCommand([what], {}, after), 0);
  assert.match(after.stdout(), new RegExp(`^${address.port}/tcp is free`));
});

test('explains both protocols if none is given', async () => {
  const io = capturedIo();
  await explainCommand(['9'], { json: true }, io);
  const { explanations } = JSON.parse(io.stdout());
  assert.deepEqual(
    explanations.map(({ protocol, names }: { protocol: string; names: { iana: { entries: unknown[] } } }) => [
      protocol,
      names.iana.entries.length > 0,
    ]),
    [
      ['tcp', true],
      ['udp', true],
    ],
  );
});
