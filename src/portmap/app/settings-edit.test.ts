// Where to listen, put into portreeve.toml as it is.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSettings } from '../../kit/settings-file.ts';
import { withListen } from './settings-edit.ts';

const ADDRESSES = ['0.0.0.0', '::'];
const edit = (text: string): string => withListen(text, 'portreeve.toml', ADDRESSES);

test('a file that is not there gets the section', () => {
  assert.deepEqual(parseSettings(edit(''), ''), { portmap: { listen: ADDRESSES } });
  assert.match(edit(''), /^\[portmap\]\n# As rpcbind did: .*\nlisten = \["0\.0\.0\.0", "::"\]\n$/);
});

test('a file without the section keeps every line, and gets it at the end', () => {
  const text = '# mine\n[profile]\nfile = "/etc/p.tcpip" # here';
  assert.ok(edit(text).startsWith(`${text}\n\n[portmap]\n`));
});

test('a section that is there keeps every line', () => {
  const text = '[portmap] # ours\nport = 1111\n\n[job.WEB]\nusers = ["www"]\n';
  const edited = edit(text);
  assert.deepEqual(parseSettings(edited, ''), {
    portmap: { listen: ADDRESSES, port: 1111 },
    job: { WEB: { users: ['www'] } },
  });
  for (const line of text.split('\n')) assert.ok(edited.split('\n').includes(line), line);
});

test('what would change in another way is left to the administrator', () => {
  for (const text of ['portmap = { port = 1111 }\n', 'portmap.port = 1111\n', '[portmap]\nlisten = []\n']) {
    assert.throws(() => edit(text), { code: 'CONFIG_INVALID' }, text);
  }
  const inText = '[doctor]\nsuppress = [{ code = "LISTENER_EPHEMERAL", reason = """\n[portmap]\n""" }]\n';
  assert.throws(() => edit(inText), { code: 'CONFIG_INVALID' });
});
