// Unit files of a host, and the services that sockets activate.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimFiles } from '../../../test/support/sim/files.ts';
import { activatedBy, hostUnits, stampOfUnits } from './host-units.ts';

const LIB = '/usr/lib/systemd/system';
const ETC = '/etc/systemd/system';

test('lists services, sockets, and templates in all directories once', () => {
  const files = new SimFiles(
    {
      [`${LIB}/ssh.service`]: '',
      [`${LIB}/ssh.socket`]: '[Socket]\nListenStream=22\n',
      [`${LIB}/ssh@.service`]: '',
      [`${LIB}/fstrim.timer`]: '',
      [`${ETC}/ssh.service`]: '',
      [`${ETC}/ssh.service.d/local.conf`]: '',
      '/run/systemd/transient/job.service': '',
    },
    1,
  );
  assert.deepEqual(
    hostUnits(files)
      .map(({ unit }) => unit)
      .sort(),
    ['job.service', 'ssh.service', 'ssh.socket', 'ssh@.service'],
  );
});

test('the last Service= in the socket’s file and its sorted drop-ins counts', () => {
  const files = new SimFiles(
    {
      [`${LIB}/a.socket`]: '[Socket]\nService=lib.service\n',
      [`${LIB}/b.socket`]: '[Socket]\nService=lib.service\n',
      [`${ETC}/b.socket`]: '[Socket]\nService=etc.service\n',
      [`${LIB}/c.socket`]: '[Socket]\n',
      [`${LIB}/c.socket.d/10.conf`]: '[Socket]\nService=ten.service\n',
      [`${ETC}/c.socket.d/20.conf`]: '[Socket]\nService=twenty.service\n',
      [`${LIB}/d@.socket`]: '[Socket]\nService=app@%i.service\n',
      [`${LIB}/e.service`]: '[Socket]\nService=odd.service\n',
    },
    1,
  );
  const activated = ['a.socket', 'b.socket', 'c.socket', 'd@1.socket', 'e.service', 'absent.socket'];
  assert.deepEqual(
    activated.map((unit) => activatedBy(files, unit)),
    ['lib.service', 'etc.service', 'twenty.service', 'app@1.service', undefined, undefined],
  );
});

test('ignores an unreadable file', () => {
  const files = new SimFiles({ [`${LIB}/a.socket`]: '[Socket]\nService=b.service\n' }, 1);
  files.forbid(`${LIB}/a.socket`);
  assert.equal(activatedBy(files, 'a.socket'), undefined);
});

test('the stamp changes when a directory changes', () => {
  const files = new SimFiles({}, 1);
  const before = stampOfUnits(files);
  files.write(ETC, 'a directory');
  assert.notEqual(stampOfUnits(files), before);
});
