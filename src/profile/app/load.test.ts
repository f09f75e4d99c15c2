// Tests of loading a profile with its included files.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SimFiles } from '../../../test/support/sim/files.ts';
import { PortreeveError } from '../../base/errors.ts';
import { PROFILE_MAX_BYTES } from '../../base/limits.ts';
import { type LoadedProfile, loadProfile, type ReadingOptions, replayProfile } from './load.ts';

const PLAIN: ReadingOptions = { zosNames: false, symbols: {} };

function load(files: Readonly<Record<string, string | Uint8Array>>, options = PLAIN): LoadedProfile {
  const sim = new SimFiles({}, 1);
  for (const [path, content] of Object.entries(files)) sim.write(path, content);
  return loadProfile('/etc/p', sim, options);
}

/** "tcp 80 WEB /etc/p:1" for each reservation. */
function reserved({ profile }: LoadedProfile): string[] {
  return profile.reservations.map(({ protocol, first, use, source }) => {
    const job = use.kind === 'JOB' ? use.pattern : use.kind;
    return `${protocol} ${first} ${job} ${source.file}:${source.line}`;
  });
}

const messages = ({ report }: LoadedProfile) =>
  report.diagnostics.map(
    ({ severity, place, message }) => `${severity} ${place.file}:${place.line} ${message}`,
  );

test('a valid profile has rules, texts and no findings', () => {
  const loaded = load({ '/etc/p': 'PORT 80 TCP WEB\n' });
  assert.deepEqual(reserved(loaded), ['tcp 80 WEB /etc/p:1']);
  assert.deepEqual(loaded.texts, [{ path: '/etc/p', text: 'PORT 80 TCP WEB\n' }]);
  assert.deepEqual(loaded.report.counts, { error: 0, warning: 0, notice: 0 });
});

test('symbols and zosNames are options', () => {
  const files = { '/etc/p': 'PORT 80 TCP &JOB.1\n' };
  assert.deepEqual(reserved(load(files, { ...PLAIN, symbols: { JOB: 'WEBSERVER' } })), [
    'tcp 80 WEBSERVER1 /etc/p:1',
  ]);
  const zos = load(files, { zosNames: true, symbols: { JOB: 'WEBSERVER' } });
  assert.equal(zos.report.counts.error, 1);
});

describe('INCLUDE', () => {
  test('resolves paths relative to the including file', () => {
    const loaded = load({
      '/etc/p': 'INCLUDE sub/a\nPORT 80 TCP WEB\nINCLUDE /opt/c\n',
      '/etc/sub/a': 'INCLUDE b\nPORT 81 TCP A\n',
      '/etc/sub/b': 'PORT 82 TCP B\n',
      '/opt/c': 'PORT 83 TCP C\n',
    });
    assert.deepEqual(reserved(loaded), [
      'tcp 82 B /etc/sub/b:1',
      'tcp 81 A /etc/sub/a:2',
      'tcp 80 WEB /etc/p:2',
      'tcp 83 C /opt/c:1',
    ]);
    assert.deepEqual(
      loaded.texts.map(({ path }) => path),
      ['/etc/p', '/etc/sub/a', '/etc/sub/b', '/opt/c'],
    );
  });

  const failures: Record<string, [message: RegExp, prepare: (files: SimFiles) => void]> = {
    'is missing': [/there is no file \/etc\/a/, () => {}],
    'cannot be read': [
      /cannot read \/etc\/a: permission denied/,
      (files) => {
        files.write('/etc/a', 'PORT 81 TCP A\n');
        files.forbid('/etc/a');
      },
    ],
    'is too large': [
      /\/etc\/a is larger than \d+ bytes/,
      (files) => files.write('/etc/a', new Uint8Array(PROFILE_MAX_BYTES + 1)),
    ],
    'is empty': [/\/etc\/a is empty/, (files) => files.write('/etc/a', '')],
    'is not text': [
      /\/etc\/a is not a text file/,
      (files) => files.write('/etc/a', new Uint8Array([80, 0, 80])),
    ],
    'includes itself': [/"a" includes itself/, (files) => files.write('/etc/a', 'INCLUDE a\n')],
    'includes the one that includes it': [
      /"..\/etc\/p" includes itself/,
      (files) => files.write('/etc/a', 'INCLUDE ../etc/p\n'),
    ],
  };
  for (const [name, [message, prepare]] of Object.entries(failures)) {
    test(`of a file that ${name} is an error at its place; the rest is loaded`, () => {
      const files = new SimFiles({ '/etc/p': 'PORT 80 TCP WEB\nINCLUDE a\nPORT 82 TCP C\n' }, 1);
      prepare(files);
      const loaded = loadProfile('/etc/p', files, PLAIN);
      assert.equal(loaded.report.counts.error, 1);
      const [diagnostic] = loaded.report.diagnostics;
      assert.match(diagnostic?.message ?? '', message);
      assert.match(diagnostic?.excerpt ?? '', /^INCLUDE /);
      assert.deepEqual(reserved(loaded), ['tcp 80 WEB /etc/p:1', 'tcp 82 C /etc/p:3']);
    });
  }

  test('of a large file many times is limited', () => {
    const loaded = load({
      '/etc/p': 'INCLUDE a\n'.repeat(10),
      '/etc/a': `;${'x'.repeat(PROFILE_MAX_BYTES - 2)}\n`,
    });
    assert.equal(loaded.report.counts.error, 6);
    assert.match(
      messages(loaded)[0] ?? '',
      /^error \/etc\/p:5 "a" cannot be included: .* exceed \d+ bytes in total$/,
    );
  });
});

test('findings of parsing and execution are sorted by file and line', () => {
  const loaded = load({
    '/etc/p': 'INCLUDE a\nPORT 80 TCP WEB\n     80 TCP WEB\n     x\nHOME 1.2.3.4 L\n',
    '/etc/a': 'PORT y\n',
  });
  assert.deepEqual(
    loaded.report.diagnostics.map(({ severity, place }) => `${severity} ${place.file}:${place.line}`),
    ['error /etc/p:3', 'error /etc/p:4', 'notice /etc/p:5', 'error /etc/a:1'],
  );
  assert.deepEqual([loaded.report.counts.error, loaded.report.skipped], [3, 1]);
});

test('a root file that is missing, unreadable or not text throws', () => {
  const files = new SimFiles({ '/etc/empty': '', '/etc/secret': 'x' }, 1);
  files.forbid('/etc/secret');
  const cases = {
    '/etc/none': 'usage FILE_MISSING',
    '/etc/empty': 'refused PROFILE_EMPTY',
    '/etc/secret': 'environment FILE_UNREADABLE',
  };
  for (const [path, expected] of Object.entries(cases)) {
    assert.throws(
      () => loadProfile(path, files, PLAIN),
      (thrown) => thrown instanceof PortreeveError && `${thrown.kind} ${thrown.code}` === expected,
      path,
    );
  }
});

describe('archived texts', () => {
  const files = {
    '/etc/p': 'INCLUDE sub/a\nPORT 80 TCP WEB\n',
    '/etc/sub/a': 'INCLUDE ../b\nINCLUDE ../b\n',
    '/etc/b': 'PORT 81 UDP &X.\n',
  };
  const options = { zosNames: false, symbols: { X: 'Y' } };

  test('give the same profile without the disk', () => {
    const loaded = load(files, options);
    assert.deepEqual(replayProfile(loaded.texts, options), loaded);
    assert.deepEqual(replayProfile(loaded.texts, options, loaded.profile).profile.reservations.length, 2);
  });

  test('report a missing one', () => {
    const loaded = load(files, options);
    const [diagnostic] = replayProfile(loaded.texts.slice(0, 1), options).report.diagnostics;
    assert.match(diagnostic?.message ?? '', /\/etc\/sub\/a is not in the archive/);
  });
});

test('with a base the statements are executed on it', () => {
  const base = load({ '/etc/p': 'PORT 80 TCP WEB\n     81 TCP OLD\n' });
  const files = new SimFiles({ '/etc/change': 'DELETE PORT 81 TCP OLD\nPORT 82 TCP NEW\n' }, 1);
  const loaded = loadProfile('/etc/change', files, PLAIN, base.profile);
  assert.deepEqual(reserved(loaded), ['tcp 80 WEB /etc/p:1', 'tcp 82 NEW /etc/change:2']);
});

test('warnings about a base are not repeated', () => {
  const base = load({ '/etc/p': 'PORT 80 TCP *\n     80 TCP WEB\n' });
  assert.equal(base.report.counts.warning, 1);
  const files = new SimFiles({ '/etc/change': 'PORT 82 TCP *\n     82 TCP NEW\n' }, 1);
  const { report } = loadProfile('/etc/change', files, PLAIN, base.profile);
  assert.deepEqual(
    report.diagnostics.map(({ severity, place }) => `${severity} ${place.file}`),
    ['warning /etc/change'],
  );
});
