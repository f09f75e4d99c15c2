// Tests of sysctl.d(5): lines, order of the files, and the line that determines a setting.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  parseSysctlConf,
  type SysctlSetting,
  settingAtBoot,
  sysctlFiles,
  sysctlPath,
} from './sysctl-conf.ts';

const RANGE = 'net.ipv4.ip_local_port_range';
const RANGE_PATH = 'net/ipv4/ip_local_port_range';

function settings(...texts: readonly string[]): SysctlSetting[] {
  return texts.flatMap((text, at) => parseSysctlConf({ file: `${at}.conf`, text }).settings);
}

function atBoot(key: string, ...texts: readonly string[]): string | undefined {
  return settingAtBoot(settings(...texts), key)?.value;
}

describe('a line', () => {
  // sysctl.d(5): CONFIGURATION FORMAT
  const lines: readonly [string, string, string | undefined][] = [
    ['net.ipv4.ip_local_port_range = 1024 4999', RANGE_PATH, '1024 4999'],
    ['  net.ipv4.ip_local_port_range=1024\t4999 ', RANGE_PATH, '1024\t4999'],
    ['net/ipv4/ip_local_port_range=1 2', RANGE_PATH, '1 2'],
    ['-net.ipv4.ip_local_port_range = 1 2', RANGE_PATH, '1 2'],
    ['-net.ipv4.ip_local_port_range', RANGE_PATH, undefined],
    ['kernel.modprobe = /sbin/mod probe = x', 'kernel/modprobe', '/sbin/mod probe = x'],
    ['net.ipv4.conf.enp3s0/200.forwarding = 1', 'net/ipv4/conf/enp3s0.200/forwarding', '1'],
    ['net/ipv4/conf/enp3s0.200/forwarding = 1', 'net/ipv4/conf/enp3s0.200/forwarding', '1'],
    ['a = ', 'a', ''],
  ];
  for (const [line, path, value] of lines) {
    test(`"${line}" sets ${path}`, () => {
      const conf = parseSysctlConf({ file: 'x.conf', text: `# x = 1\n;y = 2\n\n${line}\r\n` });
      assert.deepEqual(conf.diagnostics, []);
      assert.deepEqual(
        conf.settings.map((setting) => [setting.path, setting.value, setting.place.line]),
        [[path, value, 4]],
      );
    });
  }

  for (const line of ['net.ipv4.ip_local_port_range', '= 5', '-', '-=3']) {
    test(`"${line}" is not an assignment and is reported with its place`, () => {
      const { settings, diagnostics } = parseSysctlConf({ file: 'x.conf', text: `a=1\n  ${line}\n` });
      assert.equal(settings.length, 1);
      assert.deepEqual(
        diagnostics.map(({ code, place }) => [code, place.file, place.line, place.column]),
        [['SYSCTL_LINE', 'x.conf', 2, 3]],
      );
    });
  }
});

test('the key of a path converts back to that path', () => {
  assert.equal(sysctlPath(RANGE), RANGE_PATH);
  assert.equal(sysctlPath(RANGE_PATH), RANGE_PATH);
  assert.equal(sysctlPath('a'), 'a');
});

describe('several files', () => {
  const paths = [
    '/lib/sysctl.d/50-a.conf',
    '/usr/lib/sysctl.d/50-a.conf',
    '/usr/lib/sysctl.d/10-b.conf',
    '/run/sysctl.d/99-c.conf',
    '/etc/sysctl.d/50-a.conf',
    '/etc/sysctl.d/README',
    '/etc/sysctl.d/deeper/1.conf',
    '/etc/sysctl.conf',
  ];
  const inDirectories = ['/usr/lib/sysctl.d/10-b.conf', '/etc/sysctl.d/50-a.conf', '/run/sysctl.d/99-c.conf'];

  // sysctl.d(5): CONFIGURATION DIRECTORIES AND PRECEDENCE
  test('systemd reads files by name, the first of each name', () => {
    assert.deepEqual(sysctlFiles(paths, 'systemd'), inDirectories);
  });

  // sysctl(8): SYSTEM FILE PRECEDENCE
  test('procps reads sysctl.conf last', () => {
    assert.deepEqual(sysctlFiles(paths, 'procps'), [...inDirectories, '/etc/sysctl.conf']);
    assert.deepEqual(sysctlFiles(paths.slice(0, -1), 'procps'), inDirectories);
  });

  test('the last assignment of a setting takes effect and has its place', () => {
    const found = settingAtBoot(
      settings(`${RANGE} = 1 2\n${RANGE} = 3 4`, 'a=1', `${RANGE_PATH}=5 6`),
      RANGE,
    );
    assert.deepEqual([found?.value, found?.place.file], ['5 6', '2.conf']);
    assert.equal(atBoot(RANGE, 'net.ipv4.ip_forward=1'), undefined);
  });

  test('a pattern takes effect only if no line names the setting', () => {
    assert.equal(atBoot(RANGE, 'net.ipv4.*_range = 7 8'), '7 8');
    assert.equal(atBoot(RANGE, `${RANGE} = 1 2`, 'net.ipv4.*_range = 7 8'), '1 2');
    assert.equal(atBoot(RANGE, 'net.ipv4.*_range = 7 8', `-${RANGE}`), undefined);
    assert.equal(atBoot(RANGE, `-${RANGE}`, `${RANGE} = 1 2`), '1 2');
  });
});

test('each line of arbitrary text is an assignment, a diagnostic, a comment or empty', () => {
  const unit = fc.constantFrom('a', '.', '/', '=', '-', '*', '[', '#', ';', ' ', '\t', '\n', '\r', '\0', 'é');
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 60 }), (text) => {
      const { settings: found, diagnostics } = parseSysctlConf({ file: 'x', text });
      const lines = [...found, ...diagnostics].map(({ place }) => place.line);
      const expected = text.split('\n').flatMap((line, at) => (/^\s*([#;]|$)/.test(line) ? [] : [at + 1]));
      assert.deepEqual(
        lines.toSorted((a, b) => a - b),
        expected,
      );
      for (const { path } of found) assert.doesNotThrow(() => settingAtBoot(found, path));
    }),
  );
});
