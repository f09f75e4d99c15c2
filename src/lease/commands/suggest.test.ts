// `portreeve suggest`: text, JSON, and statements that the profile parser accepts.
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { type RunResult, workspace } from '../../../test/support/profile-workspace.ts';
import { buildProfile } from '../../profile/core/build.ts';
import { parseProfile } from '../../profile/text/parse.ts';

/** The results do not depend on this host's ephemeral range, but ports in use may be skipped. */
const STACKS = '--stacks today';

async function suggest(t: Pick<TestContext, 'after'>, args: string): Promise<RunResult> {
  const { run, state } = workspace(t);
  return run(`suggest ${args} --state ${state}`.replace('suggest  ', 'suggest '));
}

function jsonOf({ stdout }: RunResult) {
  return JSON.parse(stdout);
}

test('prints the port, the reasons, skipped ports, and the evaluation of the guide', async (t) => {
  const { code, stdout, stderr } = await suggest(t, `--near 8080 ${STACKS}`);
  assert.deepEqual([code, stderr], [0, '']);
  assert.match(stdout, /^PORT +EPHEMERAL ON\n8\d{3} +openbsd, /);
  assert.match(stdout, /^- not in the ephemeral range of linux, .* or this host$/m);
  assert.match(stdout, /^SKIPPED +REASON\n8080 +assigned by IANA: http-alt$/m);
  assert.match(
    stdout,
    /^Stratus's guide recommends 5001-9999\. Of these 4,999 ports IANA has assigned 1,\d{3} /m,
  );
});

test('prints consecutive ports with the same reasons in one row', async (t) => {
  const { stdout } = await suggest(t, `--near 65535 --protocol udp ${STACKS}`);
  const rows = /^SKIPPED +REASON\n([\s\S]*?)^and [\d,]+ more\n/m.exec(stdout)?.[1] ?? assert.fail(stdout);
  assert.match(rows, /^65\d{3}-65535 +one of the ports that docker run -P publishes; /);
  assert.match(rows, /; in the dynamic range of IANA; in the ephemeral range of freebsd, /);
});

test('wraps long lines on a terminal', async (t) => {
  const { runWith, state } = workspace(t);
  const args = `suggest --near 8080 ${STACKS} --state ${state}`.split(' ');
  const { stdout } = await runWith(args, { columns: 70 });
  for (const line of stdout.split('\n')) assert.ok(line.length <= 70, line);
  assert.match(stdout, /^- not in the ephemeral range of .*\n {2}\S/m);
});

test('--json prints the same and more', async (t) => {
  const { suggestions, systems, skipped, exclusion, advice, statements } = jsonOf(
    await suggest(t, `2 --block 10 --near 8000 --json ${STACKS}`),
  );
  assert.equal(suggestions.length, 2);
  for (const { first, last } of suggestions) assert.equal(last - first, 9);
  assert.ok(systems.includes('linux'));
  assert.deepEqual(skipped[0], { port: 8000, reasons: ['assigned by IANA: irdmi'] });
  assert.deepEqual([exclusion, statements], [null, null]);
  assert.deepEqual([advice.first, advice.last], [5001, 9999]);
});

test('the same request has the same result, and each name its own', async (t) => {
  const ask = async (name: string) => jsonOf(await suggest(t, `--name ${name} --json`)).suggestions[0].first;
  const port = await ask('orders');
  assert.equal(await ask('orders'), port);
  assert.notEqual(await ask('billing'), port);
});

test('skips a port in use, and names its owner', async (t) => {
  const request = `--name orders --protocol tcp --json ${STACKS}`;
  const { first } = jsonOf(await suggest(t, request)).suggestions[0];
  await listen(t, first);
  const { suggestions, skipped } = jsonOf(await suggest(t, request));
  assert.notEqual(suggestions[0].first, first);
  const { reasons } = skipped.find(({ port }: { port: number }) => port === first);
  assert.match(reasons[0], new RegExp(`^in use by \\S+ \\(pid ${process.pid}\\): tcp LISTEN on 127.0.0.1$`));
});

async function listen(t: Pick<TestContext, 'after'>, port: number): Promise<void> {
  const server: Server = createServer();
  t.after(() => server.close());
  await new Promise<void>((resolve, reject) => {
    server.on('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
}

describe('if there are too few ports it exits with 1, and', () => {
  test('names the systems to exclude', async (t) => {
    const { code, stdout, stderr } = await suggest(t, '--stacks all,-host');
    assert.deepEqual([code, stderr], [1, '']);
    assert.match(stdout, /^Found 0 of 1 port\.\n/);
    assert.match(stdout, /Excluding openbsd, zos, irix, vos-stcp-old leaves [\d,]+, from \d+ on:\n/);
    const command = /^ {2}portreeve suggest (--stacks \S+)$/m.exec(stdout)?.[1];
    assert.equal((await suggest(t, `${command}`)).code, 0);
  });

  test('reports if excluding systems would not help', async (t) => {
    const { code, stdout } = await suggest(t, `--block 5000 ${STACKS}`);
    assert.equal(code, 1);
    assert.match(stdout, /Excluding systems would not help/);
  });

  test('prints no statement', async (t) => {
    const { code, stdout, stderr } = await suggest(t, '--stacks all --reserve WEB');
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /^Found 0 of 1 port\.\n/);
  });

  test('prints a command with the same options', async (t) => {
    const { stdout } = await suggest(t, '2 --block 2 --near 9000 --protocol udp --stacks all,-host');
    const command = /^ {2}portreeve suggest (.*)$/m.exec(stdout)?.[1] ?? assert.fail(stdout);
    assert.match(command, /^2 --block 2 --near 9000 --protocol udp --stacks all,-host,-/);
    assert.equal((await suggest(t, command)).code, 0);
  });
});

describe('--reserve prints statements that the parser accepts:', () => {
  const read = (text: string) => {
    const { statements, findings } = parseProfile({ file: 'p', text });
    const { profile, findings: built } = buildProfile(statements);
    assert.deepEqual([...findings, ...built], []);
    return profile.reservations.map(({ protocol, first, last, use }) => {
      const job = use.kind === 'JOB' ? use.pattern : use.kind;
      return `${first}-${last}/${protocol} ${job}`;
    });
  };
  const cases: readonly [string, string, readonly string[]][] = [
    ['2 --name orders', 'orders', ['tcp', 'udp', 'tcp', 'udp']],
    ['2 --block 5 --name orders', 'ORDERS*', ['tcp', 'udp', 'tcp', 'udp']],
    ['--protocol udp', 'RESERVED', ['udp']],
    ['--protocol tcp --block 3', 'web-2', ['tcp']],
  ];
  for (const [args, job, protocols] of cases) {
    test(`${args} for ${job}`, async (t) => {
      const { code, stdout, stderr } = await suggest(t, `${args} --reserve ${job} ${STACKS}`);
      assert.deepEqual([code, stderr], [0, '']);
      const { suggestions } = jsonOf(await suggest(t, `${args} --json ${STACKS}`));
      const ranges = suggestions.map(
        ({ first, last }: { first: number; last: number }) => `${first}-${last}`,
      );
      const perRange = protocols.length / ranges.length;
      assert.deepEqual(
        read(stdout),
        protocols.map(
          (protocol, at) => `${ranges[Math.floor(at / perRange)]}/${protocol} ${job.toUpperCase()}`,
        ),
      );
      assert.equal(stdout.includes('; orders'), args.includes('--name'));
    });
  }

  test('reports a name that already has a port on standard error', async (t) => {
    const { stdout, stderr } = await suggest(t, `--name ssh --reserve SSH ${STACKS}`);
    assert.equal(read(stdout).length, 2);
    assert.equal(stderr, 'portreeve: ssh already has a port: 22/tcp (IANA); 22/udp (IANA)\n');
  });

  test('skips a reserved port, and names the statement', async (t) => {
    const { run, state, write } = workspace(t);
    const request = `suggest --name orders ${STACKS} --state ${state}`;
    const { stdout } = await run(`${request} --reserve ORDERS`);
    write('p', stdout);
    assert.equal((await run(`apply @p --state ${state}`)).code, 0);
    const { first } = JSON.parse((await run(`${request} --json`)).stdout).suggestions[0];
    assert.ok(!stdout.includes(`${first}`));
    assert.match((await run(request)).stdout, /reserved for ORDERS by @p:2 \(tcp\)/);
  });
});

describe('refuses', () => {
  const wrong: readonly [string, string, RegExp][] = [
    ['zero ports', '0', /"0" is not a valid number of ports/],
    ['too many', '1001', /a number from 1 to 1000/],
    ['an empty block', '--block 0', /"0" is not a valid block size/],
    ['an invalid block size', '--block 1e3', /"1e3" is not a valid block size/],
    ['an invalid port', '--near 65536', /"65536" is not a port/],
    ['a name that would end the comment', '--name a;b', /"a;b" is not a valid name/],
    ['an unknown system', '--stacks linux,bsd4', /"bsd4" is not a known system/],
    ['an unknown protocol', '--protocol sctp', /Allowed choices are tcp, udp, both/],
    ['an invalid job', '--reserve a/b', /"a\/b" is not a job name/],
    ['a job that PORT cannot name', '--reserve authport', /"authport" is not a job name/],
  ];
  for (const [name, args, stderr] of wrong) {
    test(name, async (t) => {
      const result = await suggest(t, args);
      assert.deepEqual([result.code, result.stdout], [2, '']);
      assert.match(result.stderr, stderr);
    });
  }
});
