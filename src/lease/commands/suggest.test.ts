// `portreeve suggest`: ports for people, for programs, and as statements of a profile that our own reader reads.
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { type RunResult, workspace } from '../../../test/support/profile-workspace.ts';
import { buildProfile } from '../../profile/core/build.ts';
import { parseProfile } from '../../profile/text/parse.ts';

/** Nothing here depends on this host's range; ports that are held may be passed over. */
const STACKS = '--stacks today';

async function suggest(t: Pick<TestContext, 'after'>, args: string): Promise<RunResult> {
  const { run, state } = workspace(t);
  return run(`suggest ${args} --state ${state}`.replace('suggest  ', 'suggest '));
}

function jsonOf({ stdout }: RunResult) {
  return JSON.parse(stdout);
}

test('for people: the port, why, why not others, and the advice of the guide, counted', async (t) => {
  const { code, stdout, stderr } = await suggest(t, `--near 8080 ${STACKS}`);
  assert.deepEqual([code, stderr], [0, '']);
  assert.match(stdout, /^PORT +ELSEWHERE GIVEN TO CLIENTS BY\n8\d{3} +openbsd, /);
  assert.match(stdout, /^- no client of linux, .* or of this host is given it$/m);
  assert.match(stdout, /^PASSED OVER +WHY\n8080 +assigned by IANA: http-alt$/m);
  assert.match(
    stdout,
    /^Stratus's guide advises 5001 to 9999: of these 4,999 ports IANA has assigned 1,\d{3} /m,
  );
});

test('ports against which the same speaks share a row', async (t) => {
  const { stdout } = await suggest(t, `--near 65535 --protocol udp ${STACKS}`);
  const rows = /^PASSED OVER +WHY\n([\s\S]*?)^and [\d,]+ more\n/m.exec(stdout)?.[1] ?? assert.fail(stdout);
  assert.match(rows, /^65\d{3}-65535 +one of the ports that docker run -P publishes; /);
  assert.match(rows, /; one of the dynamic ports of IANA; given to clients by freebsd, /);
});

test('on a terminal lines are broken where they are too long', async (t) => {
  const { runWith, state } = workspace(t);
  const args = `suggest --near 8080 ${STACKS} --state ${state}`.split(' ');
  const { stdout } = await runWith(args, { columns: 70 });
  for (const line of stdout.split('\n')) assert.ok(line.length <= 70, line);
  assert.match(stdout, /^- no client of .*\n {2}\S/m);
});

test('for programs: all that is said to people, and more', async (t) => {
  const { suggestions, systems, passedOver, giveUp, advice, statements } = jsonOf(
    await suggest(t, `2 --block 10 --near 8000 --json ${STACKS}`),
  );
  assert.equal(suggestions.length, 2);
  for (const { first, last } of suggestions) assert.equal(last - first, 9);
  assert.ok(systems.includes('linux'));
  assert.deepEqual(passedOver[0], { port: 8000, reasons: ['assigned by IANA: irdmi'] });
  assert.deepEqual([giveUp, statements], [null, null]);
  assert.deepEqual([advice.first, advice.last], [5001, 9999]);
});

test('the same question has the same answer, and a name its own', async (t) => {
  const ask = async (name: string) => jsonOf(await suggest(t, `--name ${name} --json`)).suggestions[0].first;
  const port = await ask('orders');
  assert.equal(await ask('orders'), port);
  assert.notEqual(await ask('billing'), port);
});

test('a port that a socket of this host holds is passed over, and its holder named', async (t) => {
  const request = `--name orders --protocol tcp --json ${STACKS}`;
  const { first } = jsonOf(await suggest(t, request)).suggestions[0];
  await listen(t, first);
  const { suggestions, passedOver } = jsonOf(await suggest(t, request));
  assert.notEqual(suggestions[0].first, first);
  const { reasons } = passedOver.find(({ port }: { port: number }) => port === first);
  assert.match(reasons[0], new RegExp(`^held by \\S+, pid ${process.pid}: tcp LISTEN on 127.0.0.1$`));
});

async function listen(t: Pick<TestContext, 'after'>, port: number): Promise<void> {
  const server: Server = createServer();
  t.after(() => server.close());
  await new Promise<void>((resolve, reject) => {
    server.on('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
}

describe('where there is not enough it says which system to give up, and ends with 1', () => {
  test('all systems: those that give away everything', async (t) => {
    const { code, stdout, stderr } = await suggest(t, '--stacks all,-host');
    assert.deepEqual([code, stderr], [1, '']);
    assert.match(stdout, /^0 of 1 port can be had\.\n/);
    assert.match(stdout, /Give up openbsd, zos, irix, vos-stcp-old, and there are [\d,]+, from \d+ on:\n/);
    const command = /^ {2}portreeve suggest (--stacks \S+)$/m.exec(stdout)?.[1];
    assert.equal((await suggest(t, `${command}`)).code, 0);
  });

  test('a block that is too large for what is not assigned', async (t) => {
    const { code, stdout } = await suggest(t, `--block 5000 ${STACKS}`);
    assert.equal(code, 1);
    assert.match(stdout, /Without any system there would not be enough either/);
  });

  test('no statement is written then', async (t) => {
    const { code, stdout, stderr } = await suggest(t, '--stacks all --reserve WEB');
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /^0 of 1 port can be had\.\n/);
  });

  test('the command asks for the same', async (t) => {
    const { stdout } = await suggest(t, '2 --block 2 --near 9000 --protocol udp --stacks all,-host');
    const command = /^ {2}portreeve suggest (.*)$/m.exec(stdout)?.[1] ?? assert.fail(stdout);
    assert.match(command, /^2 --block 2 --near 9000 --protocol udp --stacks all,-host,-/);
    assert.equal((await suggest(t, command)).code, 0);
  });
});

describe('--reserve prints what our own reader reads', () => {
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

  test('a name that has a port is told on standard error', async (t) => {
    const { stdout, stderr } = await suggest(t, `--name ssh --reserve SSH ${STACKS}`);
    assert.equal(read(stdout).length, 2);
    assert.equal(stderr, 'portreeve: ssh has a port already: 22/tcp, by IANA; 22/udp, by IANA\n');
  });

  test('what was reserved is passed over, with the statement', async (t) => {
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

describe('what cannot be asked for is refused', () => {
  const wrong: readonly [string, string, RegExp][] = [
    ['no number', '0', /"0" cannot be the number of ports/],
    ['too many', '1001', /a number from 1 to 1000/],
    ['a block of nothing', '--block 0', /"0" cannot be the size of a block/],
    ['a block of what is no number', '--block 1e3', /cannot be the size of a block/],
    ['a port that is none', '--near 65536', /"65536" is not a port/],
    ['a name that would end the comment', '--name a;b', /"a;b" is no name/],
    ['an unknown system', '--stacks linux,bsd4', /"bsd4" is no system/],
    ['an unknown protocol', '--protocol sctp', /Allowed choices are tcp, udp, both/],
    ['a job that is none', '--reserve a/b', /"a\/b" is no job name/],
    ['a job that PORT does not know', '--reserve authport', /"authport" is no job name/],
  ];
  for (const [name, args, stderr] of wrong) {
    test(name, async (t) => {
      const said = await suggest(t, args);
      assert.deepEqual([said.code, said.stdout], [2, '']);
      assert.match(said.stderr, stderr);
    });
  }
});
