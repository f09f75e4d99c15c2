// The names of RPC programs: well-known ones and those of a host.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseEtcRpc, RpcNames, WELL_KNOWN_PROGRAMS } from './rpc-programs.ts';

describe('/etc/rpc', () => {
  const cases: Record<string, [text: string, ...expected: ReturnType<typeof parseEtcRpc>]> = {
    'a name and a number': ['nfs 100003', { number: 100003, name: 'nfs', aliases: [] }],
    'aliases, tabs and blanks': [
      ' portmapper\t100000\tportmap  sunrpc \r',
      { number: 100000, name: 'portmapper', aliases: ['portmap', 'sunrpc'] },
    ],
    comments: ['# all\nnfs 100003 nfsprog # some', { number: 100003, name: 'nfs', aliases: ['nfsprog'] }],
    'the largest number': ['last 4294967295', { number: 4294967295, name: 'last', aliases: [] }],
    'invalid lines': ['\nnfs\nnfs x\nnfs 0x10\nnfs 4294967296\nnfs -1\n'],
  };
  for (const [name, [text, ...expected]] of Object.entries(cases)) {
    test(name, () => assert.deepEqual(parseEtcRpc(text), expected));
  }
});

describe('names', () => {
  const names = new RpcNames();

  test('of well-known programs are built in', () => {
    assert.equal(names.nameOf(100000), 'portmapper');
    assert.equal(names.nameOf(100005), 'mountd');
    assert.equal(names.nameOf(391002), 'sgi_fam');
    assert.equal(names.nameOf(536870913), undefined);
  });

  test('numberOf() accepts a name, an alias, or digits', () => {
    for (const text of ['mountd', 'showmount', '100005']) assert.equal(names.numberOf(text), 100005);
    for (const text of ['', 'nosuch', '-1', '4294967296']) assert.equal(names.numberOf(text), undefined);
  });

  test('and numbers of well-known programs are unique', () => {
    const programs = WELL_KNOWN_PROGRAMS;
    const words = programs.flatMap(({ name, aliases }) => [name, ...aliases]);
    assert.equal(new Set(words).size, words.length);
    assert.equal(new Set(programs.map(({ number }) => number)).size, programs.length);
  });

  test('of the host take precedence', () => {
    const hostNames = new RpcNames(parseEtcRpc('mounter 100005 mount\nnfs 7\nlocal 536870913'));
    assert.equal(hostNames.nameOf(100005), 'mounter');
    assert.equal(hostNames.numberOf('nfs'), 7);
    assert.equal(hostNames.nameOf(100003), 'nfs');
    assert.equal(hostNames.numberOf('mountd'), 100005);
    assert.equal(hostNames.nameOf(536870913), 'local');
  });
});
