// Where to listen, put into portreeve.toml as it is.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSettings } from '../../kit/settings-file.ts';
import { SECTIONS } from '../../main/sections.ts';
import { withListen } from './settings-edit.ts';

const ADDRESSES = ['0.0.0.0', '::'];
const parse = (text: string, path: string) => parseSettings(text, path, SECTIONS);
const edit = (text: string) => withListen(text, 'portreeve.toml', ADDRESSES, parse);

test('a file that is not there gets the section', async () => {
  assert.deepEqual(await parse(await edit(''), ''), { portmap: { listen: ADDRESSES } });
  assert.match(await edit(''), /^\[portmap\]\n# As rpcbind did: .*\nlisten = \["0\.0\.0\.0", "::"\]\n$/);
});

test('a file without the section keeps every line, and gets it at the end', async () => {
  const text = '# mine\n[profile]\nfile = "/etc/p.tcpip" # here';
  assert.ok((await edit(text)).startsWith(`${text}\n\n[portmap]\n`));
});

test('a section that is there keeps every line', async () => {
  const text = '[portmap] # ours\nport = 1111\n\n[job.WEB]\nusers = ["www"]\n';
  const edited = await edit(text);
  assert.deepEqual(await parse(edited, ''), {
    portmap: { listen: ADDRESSES, port: 1111 },
    job: { WEB: { users: ['www'] } },
  });
  for (const line of text.split('\n')) assert.ok(edited.split('\n').includes(line), line);
});

test('what would change in another way is left to the administrator', async () => {
  for (const text of ['portmap = { port = 1111 }\n', 'portmap.port = 1111\n', '[portmap]\nlisten = []\n']) {
    await assert.rejects(edit(text), { code: 'CONFIG_INVALID' }, text);
  }
  const inText = '[doctor]\nsuppress = [{ code = "LISTENER_EPHEMERAL", reason = """\n[portmap]\n""" }]\n';
  await assert.rejects(edit(inText), { code: 'CONFIG_INVALID' });
});
