// Ports below 1024: who has them without being root, and who believes that only root can.
import { check } from '../check.ts';
import { type Facts, only, whereText, whoText } from '../facts.ts';
import type { Found } from '../finding.ts';
import type { LowPortTrust } from '../snapshot.ts';

/** The ports that Linux keeps for CAP_NET_BIND_SERVICE unless somebody has set that otherwise (ip(7)). */
const LOW_PORTS_END = 1024;
/** The first uid of ordinary users, and that of nobody (login.defs(5), on Debian and elsewhere). */
const ORDINARY_UID_MIN = 1000;
const NOBODY_UID = 65534;

const isOpenToAll = ({ snapshot }: Facts): boolean => snapshot.kernel.unprivilegedStart < LOW_PORTS_END;

export const LOW_PORT_UNPRIVILEGED = check({
  code: 'LOW_PORT_UNPRIVILEGED',
  title: 'a port below 1024 is held by an ordinary user',
  severities: ['warning'],
  why: 'others believe that only root can have such a port',
  explanation: [
    'The socket was made by an ordinary user (uid 1000 and more, but not nobody), and no reservation of the ' +
      'profile lets his job have the port. He could because net.ipv4.ip_unprivileged_port_start is low, or ' +
      'because the program has CAP_NET_BIND_SERVICE.',
    'Reserve the port for the job, so that it is said who may have it, or take the privilege away.',
  ],
  run: (facts) =>
    facts.listeners.flatMap((listener): Found[] => {
      const { port, protocol, sockets } = listener;
      if (port >= LOW_PORTS_END) return [];
      const ordinary = sockets.find((seen) => {
        const { socket } = seen;
        const isOrdinary =
          socket.uid !== undefined && socket.uid >= ORDINARY_UID_MIN && socket.uid !== NOBODY_UID;
        return isOrdinary && !facts.reservationsAt(port, protocol).some((each) => facts.lets(each, seen));
      });
      if (!ordinary) return [];
      const { unprivilegedStart } = facts.snapshot.kernel;
      const why =
        port >= unprivilegedStart
          ? `net.ipv4.ip_unprivileged_port_start is ${unprivilegedStart}`
          : 'the program has the privilege for it, or had it';
      return [
        {
          seen: `${whoText(ordinary)} listens on ${whereText(ordinary)} as uid ${ordinary.socket.uid}: ${why}`,
          ports: only(port),
          protocol,
          advice: `If it is meant to have it, say so: ${facts.keepingHolders(listener)}`,
        },
      ];
    }),
});

export const LOW_PORTS_OPEN = check({
  code: 'LOW_PORTS_OPEN',
  title: 'ports below 1024 are open to everybody',
  severities: ['warning', 'info'],
  why: 'a source port below 1024 proves nothing then, and any user can take the port of a service that is down',
  explanation: [
    'net.ipv4.ip_unprivileged_port_start is below 1024: from there on bind(2) asks for no privilege.',
    'It is a warning where something on this host lets in whoever has a low port: see LOW_PORT_TRUSTED.',
    'Set it to 1024 again, and give single ports away by the profile instead: a reservation below 1024 is a grant.',
  ],
  run: (facts) => {
    if (!isOpenToAll(facts)) return [];
    const { unprivilegedStart: start } = facts.snapshot.kernel;
    const isTrusted = facts.snapshot.trusts.length > 0;
    return [
      {
        severity: isTrusted ? 'warning' : 'info',
        seen: `net.ipv4.ip_unprivileged_port_start is ${start}: everybody can have the ports from ${start} on`,
        ports: [{ first: Math.max(start, 1), last: LOW_PORTS_END - 1 }],
        advice: `If nothing needs it: sysctl -w net.ipv4.ip_unprivileged_port_start=${LOW_PORTS_END}`,
      },
    ];
  },
});

/** One for all of a kind that are alike. */
export const LOW_PORT_TRUSTED = check({
  code: 'LOW_PORT_TRUSTED',
  title: 'a low source port is taken for a sign of root',
  severities: ['warning', 'info'],
  why: 'whoever has a host of his own has every port of it, so that this keeps nobody out',
  explanation: [
    'An NFS export has the option secure, which is the default, and believes its clients who their users are ' +
      '(sec=sys); or rshd, rlogind or lpd trust the hosts of /etc/hosts.equiv or /etc/hosts.lpd. All of them ask ' +
      'that the request comes from a port below 1024 and take that for a sign of root. "Making this assumption ' +
      'is dangerous because not all system enforce this restriction" (RFC 1700).',
    'For an export that is a note: trust the network that it is exported to, or use sec=krb5. It is a warning ' +
      'where low ports are open to every user of this host, and for rshd, rlogind and lpd where they listen.',
  ],
  run: (facts) => {
    const severityOf = ({ kind, isServed }: LowPortTrust) =>
      (kind === 'rhosts' ? isServed : isOpenToAll(facts)) ? 'warning' : 'info';
    const alike = Map.groupBy(facts.snapshot.trusts, (trust) => `${trust.kind} ${severityOf(trust)}`);
    return [...alike.values()].flatMap(([trust, ...others]): Found<'warning' | 'info'>[] => {
      if (!trust) return [];
      const { kind, place, what } = trust;
      const more = others.length > 0 ? `; so it is with ${others.length} more` : '';
      return [
        {
          severity: severityOf(trust),
          seen: `${place}: ${what}${more}`,
          ports: [],
          advice:
            kind === 'nfs'
              ? 'Trust the whole network that it is exported to, or use sec=krb5.'
              : 'Use ssh or CUPS, and take the file away.',
        },
      ];
    });
  },
});
