// Tests the insertion of [portmap] listen into an existing portreeve.toml.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSettings } from '../../kit/settings-file.ts';
import { SECTIONS } from '../../main/sections.ts';
import { withListen } from './settings-edit.ts';

const ADDRESSES = ['0.0.0.0', '::'];
const parse = (text: string, path: string) => parseSettings(text, path, SECTIONS);
const edit = (text: string) => withListen(text, 'portreeve.toml', ADDRESSES, parse);

test('a missing file is created with the section', async () => {
  assert.deepEqual(await parse(await edit(''), ''), { portmap: { listen: ADDRESSES } });
  assert.match(
    await edit(''),
    /^\[portmap\]\n# The addresses of rpcbind, .*\nlisten = \["0\.0\.0\.0", "::"\]\n$/,
  );
});

test('a file without the section keeps every line, and the section is appended', async () => {
  const text = '# mine\n[profile]\nfile = "/etc/p.tcpip" # here';
  assert.ok((await edit(text)).startsWith(`${text}\n\n[portmap]\n`));
});

test('an existing section keeps every line', async () => {
  const text = '[portmap] # comment\nport = 1111\n\n[job.WEB]\nusers = ["www"]\n';
  const edited = await edit(text);
  assert.deepEqual(await parse(edited, ''), {
    portmap: { listen: ADDRESSES, port: 1111 },
    job: { WEB: { users: ['www'] } },
  });
  for (const line of text.split('\n')) assert.ok(edited.split('\n').includes(line), line);
});

test('a change of anything else is an error', async () => {
  for (const text of ['portmap = { port = 1111 }\n', 'portmap.port = 1111\n', '[portmap]\nlisten = []\n']) {
    await assert.rejects(edit(text), { code: 'CONFIG_INVALID' }, text);
  }
  const inText = '[doctor]\nsuppress = [{ code = "LISTENER_EPHEMERAL", reason = """\n[portmap]\n""" }]\n';
  await assert.rejects(edit(inText), { code: 'CONFIG_INVALID' });
});
