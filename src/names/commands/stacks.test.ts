// `portreeve stacks`: the table, the details of a system, the table of Stratus's guide, and this host.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { capturedIo } from '../../../test/support/captured-io.ts';
import { run } from '../../main/program.ts';

async function stacks(...args: readonly string[]) {
  const io = capturedIo();
  const code = await run(['stacks', ...args], io);
  return { code, stdout: io.stdout(), stderr: io.stderr() };
}

test('without a name lists every system, followed by this host', async () => {
  const { code, stdout, stderr } = await stacks();
  assert.deepEqual([code, stderr], [0, '']);
  assert.match(stdout, /^NAME +SYSTEM +IN USE +TCP +UDP\n/);
  assert.match(stdout, /^linux +Linux 4\.2 and newer +today +32768-60999 +32768-60999$/m);
  assert.match(stdout, /^vos-stcp-old .* past +10000-65535 +1024-65535$/m);
  assert.match(stdout, /^THIS HOST +NOW +AFTER REBOOT +SOURCE\nnet\.ipv4\.ip_local_port_range +\d+ \d+/m);
});

test('with a group lists its systems without this host', async () => {
  const { stdout } = await stacks('today');
  assert.match(stdout, /^NAME .*\niana /);
  assert.doesNotMatch(stdout, /irix|THIS HOST/);
});

describe('the name of a system', () => {
  test('prints the commands that show and change its range, and the sources', async () => {
    const { code, stdout } = await stacks('Windows');
    assert.equal(code, 0);
    assert.match(stdout, /^Windows Vista, Server 2008 and newer\n {2}names +windows, /);
    assert.match(stdout, /TCP and UDP +49152-65535\n/);
    assert.match(
      stdout,
      /show +netsh int ipv4 show dynamicport tcp\n +netsh int ipv4 show excludedportrange/,
    );
    assert.match(stdout, /change +netsh int ipv4 set dynamicport tcp start=49152 num=16384\n/);
    assert.match(stdout, /sources +vendor: Microsoft/);
  });

  test('prints two ranges if TCP and UDP differ', async () => {
    const { stdout } = await stacks('stcp-old');
    assert.match(stdout, / TCP +10000-65535\n +UDP +1024-65535\n/);
  });

  test('is refused if it is unknown, with a suggestion', async () => {
    const { code, stdout, stderr } = await stacks('lunix');
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(stderr, /"lunix" is not a known system\nDid you mean "linux"\?/);
  });
});

test("prints Stratus's table with its contradictions", async () => {
  const { stdout } = await stacks('stratus');
  assert.match(stdout, /^STACK +WELL KNOWN +REGISTERED +DYNAMIC$/m);
  assert.match(stdout, /^ftServer +1-1024 +5001-65535 +1024-5000$/m);
  assert.match(stdout, /^- ftServer: 1024 is both well known and dynamic$/m);
  assert.match(stdout, /^- STCP \(UDP ports\): in the text/m);
});

test('wraps lines on a narrow terminal', async () => {
  for (const name of ['today', 'openbsd', 'windows', 'stratus']) {
    const io = capturedIo({ columns: 75, env: { NO_COLOR: '1' } });
    await run(['stacks', name], io);
    for (const line of io.stdout().split('\n')) assert.ok(line.length <= 75, line);
  }
});

describe('--json', () => {
  test('has every system with its sources', async () => {
    const { systems, host, stratus } = JSON.parse((await stacks('--json')).stdout);
    const linux = systems.find(({ id }: { id: string }) => id === 'linux');
    assert.deepEqual(linux.ephemeral.tcp, { first: 32_768, last: 60_999 });
    assert.deepEqual(linux.sources[0], { kind: 'measured', text: 'Linux 6.18' });
    assert.equal(host.settings[0].key, 'net.ipv4.ip_local_port_range');
    assert.equal(stratus, null);
  });

  test('has the table of the guide', async () => {
    const { stratus } = JSON.parse((await stacks('stratus', '--json')).stdout);
    assert.equal(stratus.length, 12);
    assert.deepEqual(stratus.at(-1).contradictions, ['61001-65535 are in no range']);
    assert.equal(stratus[4].registered, null);
  });

  test('has only this host for "host"', async () => {
    const { systems, host } = JSON.parse((await stacks('host', '--json')).stdout);
    assert.deepEqual(systems, []);
    assert.equal(host.settings.length, 3);
  });
});
