// Check for port settings of the kernel that differ from the files of sysctl.d(5), and so from the next boot.

import type { PortRange } from '../../../../base/port.ts';
import { check } from '../check.ts';
import { countOf, type Facts, partsWithout, portsText } from '../facts.ts';
import type { Found } from '../finding.ts';
import type { Configured } from '../snapshot.ts';

/** The defaults of Linux 4.2 and newer (ip-sysctl). */
const DEFAULT_EPHEMERAL: PortRange = { first: 32_768, last: 60_999 };
const DEFAULT_START = 1024;

const RANGE = 'net.ipv4.ip_local_port_range';
const RESERVED = 'net.ipv4.ip_local_reserved_ports';
const START = 'net.ipv4.ip_unprivileged_port_start';

/** The number of ranges that a finding lists. */
const NAMED_MAX = 5;

type NotKept = Found<'warning' | 'info'>;

/** Settings that the guard makes are ignored: it makes them again after a boot. */
export const SETTING_NOT_KEPT = check({
  code: 'SETTING_NOT_KEPT',
  title: 'a port setting will change at the next boot',
  severities: ['warning', 'info'],
  why: 'whatever depends on the setting will then stop working',
  explanation: [
    'net.ipv4.ip_local_port_range, ip_local_reserved_ports or ip_unprivileged_port_start differs from the files ' +
      'of sysctl.d(5). It is a warning where a file sets another value, and an info where no file sets it. Of the ' +
      'reserved ports, those that are missing in the files are reported, except the ports that the guard reserves, ' +
      'because it reserves them again after a boot.',
    'Write the setting to a file in /etc/sysctl.d, or apply the files with sysctl --system.',
  ],
  run: (facts) => {
    const { kernel, boot, inForce } = facts.snapshot;
    const isGuarded = inForce !== undefined && inForce.guard === 'enforce';
    const hasOwnRange =
      isGuarded && (inForce.profile.tcp.ephemeralPorts ?? inForce.profile.udp.ephemeralPorts) !== undefined;
    const range = hasOwnRange
      ? []
      : notKept(
          RANGE,
          portsText(kernel.ephemeral),
          textOf(boot.ephemeral, portsText),
          portsText(DEFAULT_EPHEMERAL),
        );
    const start = notKept(
      START,
      `${kernel.unprivilegedStart}`,
      textOf(boot.unprivilegedStart, String),
      `${DEFAULT_START}`,
    );
    return [...range, ...reservedNotKept(facts), ...start];
  },
});

function textOf<Value>(
  configured: Configured<Value> | undefined,
  text: (value: Value) => string,
): Configured<string> | undefined {
  return configured && { value: text(configured.value), place: configured.place };
}

function notKept(
  name: string,
  now: string,
  configured: Configured<string> | undefined,
  usual: string,
): NotKept[] {
  const then = configured?.value ?? usual;
  if (now === then) return [];
  const reason = configured
    ? `${configured.place} sets it to ${then}`
    : `no file sets it, so that it will be ${then} after a boot`;
  return [found(`${name} is ${now}, but ${reason}`, configured !== undefined, [])];
}

function reservedNotKept(facts: Facts): NotKept[] {
  const { kernel, boot, inForce } = facts.snapshot;
  const permanent = new Set<number>();
  const isGuarded = inForce?.guard === 'enforce';
  const own = isGuarded ? inForce.profile.reservations : [];
  for (const { first, last } of [...own, ...(boot.reserved?.value ?? [])])
    for (let port: number = first; port <= last; port++) permanent.add(port);
  const lost = kernel.reserved.flatMap((ports) => partsWithout(ports, (port) => permanent.has(port)));
  if (lost.length === 0) return [];
  const named = lost.slice(0, NAMED_MAX).map(portsText).join(', ');
  const more = lost.length > NAMED_MAX ? ' and more' : '';
  const count = countOf(lost);
  const ports = `${count} ${count === 1 ? 'port' : 'ports'} (${named}${more})`;
  const reason = boot.reserved ? `${boot.reserved.place} sets another list` : 'no file sets it';
  return [found(`${RESERVED} will lose ${ports} at a boot: ${reason}`, boot.reserved !== undefined, lost)];
}

function found(what: string, isContradicted: boolean, ports: readonly PortRange[]): NotKept {
  return {
    severity: isContradicted ? 'warning' : 'info',
    what,
    ports,
    advice: 'Write the setting to a file in /etc/sysctl.d, or apply the files: sysctl --system',
  };
}
