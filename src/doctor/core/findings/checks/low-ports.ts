// Ports below 1024: who has them without being root, and who believes that only root can.
import type { Severity } from '../catalogue.ts';
import { type Facts, only, whereText, whoText } from '../facts.ts';
import type { Found } from '../finding.ts';
import type { LowPortTrust } from '../scene.ts';

/** The ports that Linux keeps for CAP_NET_BIND_SERVICE unless somebody has set that otherwise (ip(7)). */
const LOW_PORTS_END = 1024;
/** The first uid of ordinary users, and that of nobody (login.defs(5), on Debian and elsewhere). */
const ORDINARY_UID_MIN = 1000;
const NOBODY_UID = 65534;

const isOpenToAll = ({ scene }: Facts): boolean => scene.kernel.unprivilegedStart < LOW_PORTS_END;

/** LOW_PORT_UNPRIVILEGED. */
export function lowPortUnprivileged(facts: Facts): Found[] {
  return facts.listeners.flatMap((listener): Found[] => {
    const { port, protocol, sockets } = listener;
    if (port >= LOW_PORTS_END) return [];
    const ordinary = sockets.find((seen) => {
      const { socket } = seen;
      const isOrdinary =
        socket.uid !== undefined && socket.uid >= ORDINARY_UID_MIN && socket.uid !== NOBODY_UID;
      return isOrdinary && !facts.reservationsAt(port, protocol).some((each) => facts.lets(each, seen));
    });
    if (!ordinary) return [];
    const { unprivilegedStart } = facts.scene.kernel;
    const why =
      port >= unprivilegedStart
        ? `net.ipv4.ip_unprivileged_port_start is ${unprivilegedStart}`
        : 'the program has the privilege for it, or had it';
    return [
      {
        code: 'LOW_PORT_UNPRIVILEGED',
        severity: 'warning',
        seen: `${whoText(ordinary)} listens on ${whereText(ordinary)} as uid ${ordinary.socket.uid}: ${why}`,
        ports: only(port),
        protocol,
        advice: `If it is meant to have it, say so: ${facts.keepingHolders(listener)}`,
        remedy: undefined,
      },
    ];
  });
}

/** LOW_PORTS_OPEN. */
export function lowPortsOpen(facts: Facts): Found[] {
  if (!isOpenToAll(facts)) return [];
  const { unprivilegedStart: start } = facts.scene.kernel;
  const isTrusted = facts.scene.trusts.length > 0;
  return [
    {
      code: 'LOW_PORTS_OPEN',
      severity: isTrusted ? 'warning' : 'info',
      seen: `net.ipv4.ip_unprivileged_port_start is ${start}: everybody can have the ports from ${start} on`,
      ports: [{ first: Math.max(start, 1), last: LOW_PORTS_END - 1 }],
      protocol: undefined,
      advice: `If nothing needs it: sysctl -w net.ipv4.ip_unprivileged_port_start=${LOW_PORTS_END}`,
      remedy: undefined,
    },
  ];
}

/** LOW_PORT_TRUSTED: one for all of a kind that are alike. */
export function lowPortTrusted(facts: Facts): Found[] {
  const severityOf = ({ kind, isServed }: LowPortTrust): Severity =>
    (kind === 'rhosts' ? isServed : isOpenToAll(facts)) ? 'warning' : 'info';
  const alike = Map.groupBy(facts.scene.trusts, (trust) => `${trust.kind} ${severityOf(trust)}`);
  return [...alike.values()].flatMap(([trust, ...others]): Found[] => {
    if (!trust) return [];
    const { kind, place, what } = trust;
    const more = others.length > 0 ? `; so it is with ${others.length} more` : '';
    return [
      {
        code: 'LOW_PORT_TRUSTED',
        severity: severityOf(trust),
        seen: `${place}: ${what}${more}`,
        ports: [],
        protocol: undefined,
        advice:
          kind === 'nfs'
            ? 'Trust the whole network that it is exported to, or use sec=krb5.'
            : 'Use ssh or CUPS, and take the file away.',
        remedy: undefined,
      },
    ];
  });
}
