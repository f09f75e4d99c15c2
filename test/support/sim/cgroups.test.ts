// Tests that the simulated cgroups behave like those of the kernel, as far as the guard depends on it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimCgroups } from './cgroups.ts';

test('a tree is created from its root, and listed selectively', () => {
  const sim = new SimCgroups();
  const unit = sim.add('/a.slice/b.service', 7);
  sim.add('/a.slice/b.service/c');
  sim.add('/d.scope');
  assert.deepEqual([sim.at('/')?.id, unit.uid, sim.at('/a.slice')?.uid, sim.at('/e')], [1n, 7, 0, undefined]);
  const paths = (pick: (name: string) => 'leave' | 'take' | 'enter') =>
    sim.list('/', pick).map(({ path }) => path);
  assert.deepEqual(
    paths(() => 'take'),
    ['/a.slice', '/d.scope'],
  );
  assert.deepEqual(
    paths((name) => (name.endsWith('.scope') ? 'leave' : 'enter')),
    ['/a.slice', '/a.slice/b.service', '/a.slice/b.service/c'],
  );
  assert.deepEqual(
    sim.list('/none', () => 'take'),
    [],
  );
});

test('IDs are unique, and operations do not affect another cgroup of the same name', () => {
  const sim = new SimCgroups();
  const made = sim.make('/', 'A-1', 'A', 0);
  sim.drop(made.path);
  const other = sim.add(made.path);
  assert.notEqual(other.id, made.id);
  assert.throws(() => sim.move(1, made), { code: 'CGROUP_FAILED' });
  assert.equal(sim.remove(made), true);
  assert.deepEqual(sim.at(made.path), other);
});

test('a non-empty cgroup is not removed, and a name in use gets a number', () => {
  const sim = new SimCgroups();
  const made = sim.make('/', 'A-1', 'A', 7);
  const inner = sim.make(made.path, 'B-1', 'B', 0);
  sim.move(5, inner);
  assert.deepEqual([sim.of(5), sim.members(inner), sim.members(made)], [inner.path, [5], []]);
  assert.deepEqual([sim.remove(made), sim.remove(inner)], [false, false]);
  sim.place(5, undefined);
  assert.deepEqual([sim.remove(made), sim.remove(inner), sim.remove(made)], [false, true, true]);
  const first = sim.make('/', 'A-1', 'A', 7);
  assert.notEqual(sim.make('/', 'A-1', 'A', 7).path, first.path);
  assert.deepEqual(
    sim.marked().map(({ job, grantee }) => [job, grantee]),
    [
      ['A', 7],
      ['A', 7],
    ],
  );
});

test('changes are reported to watchers until they stop', () => {
  const sim = new SimCgroups();
  sim.add('/a');
  let reported = 0;
  const watch = sim.watch(['/a'], () => reported++);
  sim.add('/a/b');
  sim.add('/c');
  sim.add('/a/b/c');
  assert.equal(reported, 1);
  sim.drop('/a/b');
  assert.equal(reported, 2);
  watch.close();
  sim.add('/a/b');
  assert.equal(reported, 2);
});
