// Tests of the benchmarks: the loader detects wrong replies, and ratios count only under the right conditions.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Sample } from '../bench/measure.ts';
import { judge } from '../bench/portmap-report.ts';
import { changedText, profileText } from '../bench/profile-text.ts';
import { compilePrograms } from '../bench/programs.ts';
import { isFlawless, median, mediansOf, ratioOf } from '../bench/verdict.ts';
import { buildProfile } from '../src/profile/core/build.ts';
import { diffProfiles } from '../src/profile/core/diff.ts';
import { parseProfile } from '../src/profile/text/parse.ts';
import { needs, probe } from './support/probe.ts';
import { Sandbox } from './support/sandbox.ts';

const SAMPLE: Sample = {
  ops: 1000,
  seconds: 2,
  bad: 0,
  lost: 0,
  late: 0,
  changed: 0,
  entries: 0,
  p50Us: 10,
  p99Us: 20,
  serverSeconds: 2,
  loaderSeconds: 1,
  serverCore: 1,
  loaderCore: 0.5,
  rssPortmapMb: 50,
  rssTreeMb: 100,
  interference: 0,
};

const samples = (changes: Partial<Sample>): Sample[] => [{ ...SAMPLE, ...changes }];

/** Receives every request and never replies. */
const SILENT =
  "require('node:dgram').createSocket('udp4').bind(111, '127.0.0.1', () => console.log('ready'))";

test('the loader counts correct replies, wrong replies, and calls without a reply', async (t) => {
  if (!needs(t, probe.root(), probe.netns(), probe.cc())) return;
  const { load, responder } = await compilePrograms();
  const sandbox = await Sandbox.open(t);
  const resultOf = async (server: readonly string[], programs: number): Promise<Sample> => {
    const running = sandbox.start(server);
    await running.waitForOutput(/ready/);
    const argv = ['--programs', `${programs}`, '--window', '8', '--warm', '0', '--seconds', '0.1'];
    const { stdout, stderr } = await sandbox.run([load, ...argv]);
    assert.equal(stderr, '');
    await running.stop();
    return JSON.parse(stdout);
  };

  // The responder knows the port of the first program, and returns it for every program.
  const right = await resultOf([responder], 1);
  assert.ok(right.ops > 0);
  assert.deepEqual([right.bad, right.lost], [0, 0]);
  const wrong = await resultOf([responder], 2);
  assert.ok(wrong.bad > 0);
  const silent = await resultOf([process.execPath, '--input-type=commonjs', '-e', SILENT], 1);
  assert.deepEqual([silent.ops, silent.bad, silent.lost], [0, 0, 8]);
});

describe('verdicts', () => {
  test('median() accepts an odd and an even number of values', () => {
    assert.equal(median([3, 1, 2]), 2);
    assert.equal(median([4, 1, 2, 3]), 2.5);
    assert.equal(median([7]), 7);
  });

  test('errors are summed, not averaged', () => {
    const rounds = [...samples({}), ...samples({}), ...samples({ lost: 1 })];
    assert.equal(isFlawless(mediansOf(rounds)), false);
    assert.equal(isFlawless(mediansOf(samples({}))), true);
  });

  test('operations per second count if both servers are the bottleneck', () => {
    const ratio = ratioOf(mediansOf(samples({ ops: 3000 })), mediansOf(samples({})));
    assert.equal(ratio.decidedBy, 'ops/s');
    assert.equal(ratio.value, 3);
  });

  for (const [name, change] of Object.entries({
    'an idle server': { serverCore: 0.94 },
    'a busy loader': { loaderCore: 0.9 },
  })) {
    test(`CPU time counts with ${name}`, () => {
      const server = mediansOf(samples({ ...change, ops: 3000, serverSeconds: 1 }));
      const ratio = ratioOf(server, mediansOf(samples({})));
      assert.equal(ratio.decidedBy, 'cpu/op');
      assert.equal(ratio.value, 6);
    });
  }
});

test('recoveries are judged by their median and maximum, separately for each process', () => {
  const took = (killed: 'portmap' | 'daemon', times: readonly number[]) =>
    times.map((ms) => ({ killed, ms }));
  const recoveries = [...took('portmap', [200, 1000, 300]), ...took('daemon', [400, 1001, 500])];
  const { bounds } = judge([], [], new Map(), [100], recoveries);
  assert.deepEqual(
    bounds.slice(1).map(({ what, value, reached }) => [what, value, reached]),
    [
      ['recovery after kill -9 of portmap, median of 3, ms', 300, true],
      ['recovery after kill -9 of portmap, maximum of 3, ms', 1000, true],
      ['recovery after kill -9 of daemon, median of 3, ms', 500, true],
      ['recovery after kill -9 of daemon, maximum of 3, ms', 1001, false],
    ],
  );
});

describe('generated profiles', () => {
  const read = (text: string) => {
    const { statements, findings } = parseProfile({ file: 'f', text });
    const built = buildProfile(statements);
    const all = [...findings, ...built.findings];
    assert.deepEqual(
      all.filter(({ severity }) => severity !== 'notice'),
      [],
    );
    return built.profile;
  };

  for (const count of [10, 2000, 60_000]) {
    test(`have ${count} reservations of PORT and PORTRANGE without findings`, () => {
      const { reservations } = read(profileText(count));
      assert.equal(reservations.length, count);
      assert.equal(reservations.filter(({ isRange }) => isRange).length, count / 5);
      assert.equal(reservations.filter(({ protocol }) => protocol === 'tcp').length, count / 2);
    });
  }

  test('differ from their changed version', () => {
    const text = profileText(2000);
    const changes = diffProfiles(read(text), read(changedText(text)));
    assert.deepEqual([...new Set(changes.map(({ kind }) => kind))].sort(), ['added', 'removed']);
    assert.ok(changes.length > 30 && changes.length < 100, `${changes.length} changes`);
  });
});
