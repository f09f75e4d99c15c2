// Tests of notifying the service manager through a path or an abstract name.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { encodeLocalSockaddr } from '../../wire/sockaddr.ts';
import { notifyManager } from './notify.ts';
import { AF_UNIX, MSG_DONTWAIT, SOCK_CLOEXEC, SOCK_DGRAM } from './sys/constants.ts';
import { must } from './sys/epoll.ts';
import { sys } from './sys/libc.ts';
import { NativeBuffer } from './sys/memory.ts';

/** A datagram socket. Returns a function that returns what it received, or undefined. */
function listener(t: TestContext, name: string): () => string | undefined {
  const fd = must(sys.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), 'socket');
  t.after(() => sys.close(fd));
  const bytes = encodeLocalSockaddr(Buffer.from(name).toString('latin1'));
  const address = new NativeBuffer(bytes.length);
  address.u8.set(bytes);
  must(sys.bind(fd, address.address, bytes.length), 'bind');
  const buffer = new NativeBuffer(100);
  return () => {
    const length = sys.recv(fd, buffer.address, 100, MSG_DONTWAIT);
    return length < 0 ? undefined : Buffer.from(buffer.u8.subarray(0, length)).toString();
  };
}

test('a state is sent as one datagram to a path or an abstract name', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'portreeve-'));
  t.after(() => rmSync(directory, { recursive: true }));
  for (const name of [
    join(directory, 'notify'),
    join(directory, 'größer'),
    `@portreeve-test-${process.pid}`,
  ]) {
    const heard = listener(t, name);
    assert.equal(heard(), undefined);
    assert.equal(notifyManager('READY=1', { NOTIFY_SOCKET: name }), true, name);
    assert.deepEqual([heard(), heard()], ['READY=1', undefined]);
  }
});

test('a missing listener is ignored', () => {
  for (const name of [
    undefined,
    '',
    'relative',
    'vsock:2:9',
    `@portreeve-none-${process.pid}`,
    '/nonexistent',
    `/${'x'.repeat(107)}`,
  ]) {
    assert.equal(notifyManager('READY=1', { NOTIFY_SOCKET: name }), false, name);
  }
});
