// `portreeve config check`: its output for valid and for invalid files.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { capturedIo } from '../../test/support/captured-io.ts';
import { run } from './program.ts';

async function check(t: TestContext, text: string): Promise<{ code: number; output: string; path: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'portreeve-'));
  t.after(() => rm(directory, { recursive: true }));
  const path = join(directory, 'portreeve.toml');
  await writeFile(path, text);
  const io = capturedIo();
  const code = await run(['config', 'check', path], io);
  assert.equal(code === 0 ? io.stderr() : io.stdout(), '');
  return { code, output: io.stdout() + io.stderr(), path };
}

test('a valid file is reported as valid', async (t) => {
  const { code, output, path } = await check(t, '[portmap]\nlisten = ["::1"]\nport = 1112\n');
  assert.deepEqual([code, output], [0, `${path} is valid\n`]);
});

test('every error in a file is reported', async (t) => {
  const { code, output, path } = await check(t, '[portmap]\nprot = 112\nport = 0\n[portmop]\n');
  assert.equal(code, 2);
  assert.deepEqual(output.split('\n').slice(0, -2), [
    `portreeve: error[CONFIG_INVALID]: ${path} is not valid:`,
    '  portmap.port is 0; it must be a number from 1 to 65535',
    '  "portmap.prot" is not a setting; did you mean "port"?',
    '  "portmop" is not a setting; did you mean "portmap"?',
  ]);
});

test('a TOML syntax error is reported with its position', async (t) => {
  const { code, output } = await check(t, '[portmap]\nport 112\n');
  assert.equal(code, 2);
  assert.match(output, /^portreeve: error\[\w+\]: .*portreeve\.toml, line 2, column \d+: /);
});

test('a missing file is a usage error, an unreadable file is not', async () => {
  const io = capturedIo();
  assert.equal(await run(['config', 'check', '/nonexistent/portreeve.toml'], io), 2);
  assert.match(io.stderr(), /there is no file \/nonexistent\/portreeve\.toml/);
  assert.equal(await run(['config', 'check', tmpdir()], capturedIo()), 3);
});
