// Tests which registrations of rpcbind are carried over, with which owner, and which are skipped.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serviceAt } from '../../../test/support/service.ts';
import { PORTMAP_PROGRAM } from '../wire/portmap.ts';
import { carriedEntries } from './take-over.ts';

const STATD = { program: 100024, version: 1, netid: 'tcp6', address: '0:0::0.128.005', owner: '103' };

test('an address of rpcbind is carried over in canonical text, with its owner', () => {
  const expected = {
    program: 100024,
    version: 1,
    netid: 'tcp6',
    ...serviceAt('tcp6', '::.128.5'),
    builtIn: false,
  };
  const owners: readonly (readonly [string, number | undefined])[] = [
    ['superuser', 0],
    ['103', 103],
    ['unknown', undefined],
  ];
  for (const [text, owner] of owners) {
    const { entries, skipped } = carriedEntries([{ ...STATD, owner: text }]);
    assert.deepEqual([entries, skipped], [[{ ...expected, owner }], []]);
  }
});

test('a Unix socket is carried over by its path', () => {
  const { entries } = carriedEntries([{ ...STATD, netid: 'local', address: '@statd' }]);
  assert.deepEqual(
    entries.map(({ address, port, uaddr }) => [address, port, uaddr]),
    [['@statd', 0, '@statd']],
  );
});

test('invalid entries are skipped, and the entries of rpcbind itself are ignored', () => {
  const invalid = [
    { ...STATD, netid: 'sctp' },
    { ...STATD, netid: 'tcp' },
    { ...STATD, address: '::.0.0' },
    { ...STATD, netid: 'local', address: 'statd.sock' },
  ];
  const { entries, skipped } = carriedEntries([...invalid, { ...STATD, program: PORTMAP_PROGRAM }]);
  assert.deepEqual([entries, skipped], [[], invalid]);
});
