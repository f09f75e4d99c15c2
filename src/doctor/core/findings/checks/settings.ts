// The kernel's settings of ports beside what the files of sysctl.d(5) say they will be after a boot.

import type { PortRange } from '../../../../base/port.ts';
import { check } from '../check.ts';
import { countOf, type Facts, partsWithout, portsText } from '../facts.ts';
import type { Found } from '../finding.ts';
import type { Said } from '../snapshot.ts';

/** What a kernel has that nobody has set up: Linux from 4.2 on (ip-sysctl). */
const USUAL_EPHEMERAL: PortRange = { first: 32_768, last: 60_999 };
const USUAL_START = 1024;

const RANGE = 'net.ipv4.ip_local_port_range';
const RESERVED = 'net.ipv4.ip_local_reserved_ports';
const START = 'net.ipv4.ip_unprivileged_port_start';

/** The ranges that a finding names. */
const NAMED_MAX = 5;

type NotKept = Found<'warning' | 'info'>;

/** What the guard sets it sets again after a boot. */
export const SETTING_NOT_KEPT = check({
  code: 'SETTING_NOT_KEPT',
  title: 'a setting of ports will be another after the next boot',
  severities: ['warning', 'info'],
  why: 'what works now because of it will not work then',
  explanation: [
    'net.ipv4.ip_local_port_range, ip_local_reserved_ports or ip_unprivileged_port_start is not what the files ' +
      'of sysctl.d(5) say. It is a warning where a file says something else, and a note where none says ' +
      'anything. Of the reserved ports those are told that are missing in the files; what the guard keeps in the ' +
      'list is left out, because the guard puts it there again.',
    'Write it into a file in /etc/sysctl.d, or run sysctl --system to have what the files say.',
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
          portsText(USUAL_EPHEMERAL),
        );
    const start = notKept(
      START,
      `${kernel.unprivilegedStart}`,
      textOf(boot.unprivilegedStart, String),
      `${USUAL_START}`,
    );
    return [...range, ...reservedNotKept(facts), ...start];
  },
});

function textOf<Value>(
  said: Said<Value> | undefined,
  text: (value: Value) => string,
): Said<string> | undefined {
  return said && { value: text(said.value), place: said.place };
}

function notKept(name: string, now: string, said: Said<string> | undefined, usual: string): NotKept[] {
  const then = said?.value ?? usual;
  if (now === then) return [];
  const what = said
    ? `${said.place} sets it to ${then}`
    : `no file sets it, so that it is ${then} after a boot`;
  return [found(`${name} is ${now}, and ${what}`, said !== undefined, [])];
}

function reservedNotKept(facts: Facts): NotKept[] {
  const { kernel, boot, inForce } = facts.snapshot;
  const kept = new Set<number>();
  const isGuarded = inForce?.guard === 'enforce';
  const own = isGuarded ? inForce.profile.reservations : [];
  for (const { first, last } of [...own, ...(boot.reserved?.value ?? [])])
    for (let port: number = first; port <= last; port++) kept.add(port);
  const lost = kernel.reserved.flatMap((ports) => partsWithout(ports, (port) => kept.has(port)));
  if (lost.length === 0) return [];
  const named = lost.slice(0, NAMED_MAX).map(portsText).join(', ');
  const more = lost.length > NAMED_MAX ? ' and more' : '';
  const what = boot.reserved ? `${boot.reserved.place} sets a list without them` : 'no file sets it';
  const seen = `${RESERVED} has ${countOf(lost)} ports (${named}${more}) that it will not have: ${what}`;
  return [found(seen, boot.reserved !== undefined, lost)];
}

function found(seen: string, isContradicted: boolean, ports: readonly PortRange[]): NotKept {
  return {
    severity: isContradicted ? 'warning' : 'info',
    seen,
    ports,
    advice: 'Write it into a file in /etc/sysctl.d, or have what the files say: sysctl --system',
  };
}
