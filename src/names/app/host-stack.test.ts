// The port settings of this host, now and after the next boot.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimSysctls } from '../../../test/support/sim/sysctls.ts';
import { PortreeveError } from '../../base/errors.ts';
import type { SysctlReader } from '../../text/sysctl-conf.ts';
import { PORT_RANGE, RESERVED_PORTS, UNPRIVILEGED_START } from '../core/kernel-ports.ts';
import { type BootFiles, bootSettings } from './boot-settings.ts';
import { type HostStack, hostStack } from './host-stack.ts';

const unreadable = () => new PortreeveError('FILE_UNREADABLE', 'permission denied');

/** Files by path; one whose text is undefined cannot be read. */
function filesOf(texts: Readonly<Record<string, string | undefined>>): BootFiles {
  return {
    names: (directory) =>
      Object.keys(texts).flatMap((path) =>
        path.startsWith(`${directory}/`) ? [path.slice(directory.length + 1)] : [],
      ),
    readText: (path) => {
      if (path in texts && texts[path] === undefined) throw unreadable();
      return texts[path];
    },
  };
}

function stackOf(
  texts: Readonly<Record<string, string | undefined>>,
  values?: Readonly<Record<string, string>>,
  reader: SysctlReader = 'systemd',
): HostStack {
  return hostStack({ sysctls: new SimSysctls(values), files: filesOf(texts), reader });
}

const settingIn = ({ settings }: HostStack, wanted: string) => settings.find(({ key }) => key === wanted);

test('a boot changes nothing if no file sets anything', () => {
  const { settings, problems } = stackOf({});
  assert.deepEqual(problems, []);
  assert.deepEqual(
    settings.map(({ now, atBoot, source, differs }) => [now, atBoot, source, differs]),
    [
      ['32768 60999', '32768 60999', undefined, false],
      ['', '', undefined, false],
      ['1024', '1024', undefined, false],
    ],
  );
});

test('reports the file and line that sets another value', () => {
  const stack = stackOf({
    '/usr/lib/sysctl.d/10-a.conf': `${PORT_RANGE} = 1024 65535\n`,
    '/etc/sysctl.d/20-b.conf': `# ours\n${PORT_RANGE} = 49152\t65535\n${RESERVED_PORTS} = 8081,8080\n`,
  });
  assert.deepEqual(settingIn(stack, PORT_RANGE), {
    key: PORT_RANGE,
    now: '32768 60999',
    atBoot: '49152 65535',
    source: '/etc/sysctl.d/20-b.conf:2',
    differs: true,
  });
  assert.deepEqual(settingIn(stack, RESERVED_PORTS)?.atBoot, '8080-8081');
});

test('reports values that were set manually, and ignores differences in notation', () => {
  const values = { [PORT_RANGE]: '49152\t65535', [RESERVED_PORTS]: '8080-8081', [UNPRIVILEGED_START]: '80' };
  const stack = stackOf({ '/etc/sysctl.d/a.conf': `${RESERVED_PORTS}=8081,8080` }, values);
  const differing = stack.settings.filter(({ differs }) => differs).map(({ key, source }) => [key, source]);
  assert.deepEqual(differing, [
    [PORT_RANGE, undefined],
    [UNPRIVILEGED_START, undefined],
  ]);
});

test('a setting that the kernel does not have does not differ', () => {
  const stack = stackOf({}, { [PORT_RANGE]: '32768\t60999' });
  assert.deepEqual(
    [settingIn(stack, UNPRIVILEGED_START)?.now, settingIn(stack, UNPRIVILEGED_START)?.differs],
    [undefined, false],
  );
});

test('reports unreadable files and invalid lines, and applies the others', () => {
  const stack = stackOf({
    '/etc/sysctl.d/a.conf': undefined,
    '/etc/sysctl.d/b.conf': `nonsense\n${RESERVED_PORTS} = 80-\n${PORT_RANGE} = 1 2\n`,
  });
  assert.equal(stack.problems.length, 3);
  assert.match(stack.problems[0] ?? '', /^\/etc\/sysctl.d\/a.conf was not read: permission denied$/);
  assert.match(stack.problems[1] ?? '', /^\/etc\/sysctl.d\/b.conf:1: "nonsense" is not an assignment$/);
  assert.match(stack.problems[2] ?? '', /"80-" is neither a port/);
  assert.equal(settingIn(stack, PORT_RANGE)?.atBoot, '1 2');
});

test('procps reads /etc/sysctl.conf last, and systemd does not read it', () => {
  const texts = { '/etc/sysctl.conf': `${PORT_RANGE} = 5 6`, '/etc/sysctl.d/z.conf': `${PORT_RANGE} = 3 4` };
  assert.equal(bootSettings(filesOf(texts), 'procps').of(PORT_RANGE)?.value, '5 6');
  assert.equal(bootSettings(filesOf(texts), 'systemd').of(PORT_RANGE)?.value, '3 4');
});

test('an empty file hides a file of the same name in a later directory', () => {
  const texts = { '/etc/sysctl.d/a.conf': '', '/usr/lib/sysctl.d/a.conf': `${PORT_RANGE} = 3 4` };
  assert.equal(bootSettings(filesOf(texts), 'systemd').of(PORT_RANGE), undefined);
});
