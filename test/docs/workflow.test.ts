/** The workflow of hosted CI runs what the project has: the script of CI, the Node versions, the tests in machines. */

import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { test } from 'node:test';
import { ROOT, sourceFiles } from '../support/files.ts';
import { KERNELS } from '../vm/images.ts';

const WORKFLOW = readFileSync(new URL('.github/workflows/ci.yml', ROOT), 'utf8');
/** The text of each job, by its name. */
const JOBS = new Map(
  [...(WORKFLOW.split(/^jobs:\n/m)[1] ?? '').matchAll(/^ {2}([\w-]+):\n((?: {3,}.*\n|\n)+)/gm)].map(
    ([, name = '', text = '']) => [name, text],
  ),
);

/** The values of a list such as `pattern: ['boot', 'guard']`. */
function listOf(job: string, key: string): string[] {
  const [, list] = new RegExp(`^ +${key}: \\[(.*)\\]$`, 'm').exec(JOBS.get(job) ?? '') ?? [];
  return [...(list ?? '').matchAll(/'([^']*)'/g)].map(([, value = '']) => value);
}

test('the tests run by .ci/run, with the oldest Node of package.json and the newest', () => {
  assert.match(JOBS.get('test') ?? '', /^ +run: \.ci\/run$/m);
  assert.ok((statSync(new URL('.ci/run', ROOT)).mode & 0o111) !== 0);
  const { engines } = JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8'));
  assert.deepEqual(listOf('test', 'node-version'), [engines.node.replace('>=', ''), 'latest']);
});

/** The pattern and the kernel of each virtual machine. */
const MACHINES = [...WORKFLOW.matchAll(/- \{ pattern: '(.*)', kernel: '(.*)' \}$/gm)];

test('each pattern of the job for virtual machines chooses one file, and together all of them', async () => {
  const files = (await sourceFiles(['test'])).filter((file) => file.endsWith('.vm.test.ts'));
  const patterns = new Set(MACHINES.map(([, pattern = '']) => pattern));
  const chosen = [...patterns].map((pattern) => files.filter((file) => file.includes(pattern)));
  assert.deepEqual(
    chosen.map(({ length }) => length),
    chosen.map(() => 1),
  );
  assert.deepEqual(chosen.flat().toSorted(), files);
});

test('the guard is tested on each kernel of the virtual machines', () => {
  const kernels = MACHINES.filter(([, pattern]) => pattern === 'guard').map(([, , kernel]) => kernel);
  assert.deepEqual(kernels, KERNELS);
});

test('it may only read the repository, and every job ends', () => {
  assert.match(WORKFLOW, /^permissions:\n {2}contents: read\n\n/m);
  assert.equal(WORKFLOW.match(/permissions:/g)?.length, 1);
  assert.deepEqual([...JOBS.keys()], ['test', 'virtual-machine']);
  for (const [name, text] of JOBS) assert.match(text, /^ {4}timeout-minutes: \d+$/m, name);
});
