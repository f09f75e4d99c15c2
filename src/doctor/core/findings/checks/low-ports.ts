// Checks for ports below 1024: those held by ordinary users, and services that trust such source ports.
import { check } from '../check.ts';
import { type Facts, only, ownerText, socketText } from '../facts.ts';
import type { Found } from '../finding.ts';
import type { LowPortTrust } from '../snapshot.ts';

/** The default of net.ipv4.ip_unprivileged_port_start (ip(7)). */
const LOW_PORTS_END = 1024;
/** The first uid of ordinary users, and that of the user nobody (login.defs(5), on Debian and elsewhere). */
const ORDINARY_UID_MIN = 1000;
const NOBODY_UID = 65534;

const isOpenToAll = ({ snapshot }: Facts): boolean => snapshot.kernel.unprivilegedStart < LOW_PORTS_END;

export const LOW_PORT_UNPRIVILEGED = check({
  code: 'LOW_PORT_UNPRIVILEGED',
  title: 'an ordinary user holds a port below 1024',
  severities: ['warning'],
  why: 'other programs and hosts assume that only root can bind such a port',
  explanation: [
    'An ordinary user (uid 1000 or higher, except the user nobody) created the socket, and no reservation of the ' +
      'profile permits the port for the job. The bind succeeded because net.ipv4.ip_unprivileged_port_start is low, ' +
      'or because the program has CAP_NET_BIND_SERVICE.',
    'Reserve the port for the job to document that it is intended, or remove the privilege.',
  ],
  run: (facts) =>
    facts.listeners.flatMap((listener): Found[] => {
      const { port, protocol, sockets } = listener;
      if (port >= LOW_PORTS_END) return [];
      const ordinary = sockets.find((seen) => {
        const { socket } = seen;
        const isOrdinary =
          socket.uid !== undefined && socket.uid >= ORDINARY_UID_MIN && socket.uid !== NOBODY_UID;
        return isOrdinary && !facts.reservationsAt(port, protocol).some((each) => facts.permits(each, seen));
      });
      if (!ordinary) return [];
      const { unprivilegedStart } = facts.snapshot.kernel;
      const why =
        port >= unprivilegedStart
          ? `net.ipv4.ip_unprivileged_port_start is ${unprivilegedStart}`
          : 'the program has or had CAP_NET_BIND_SERVICE';
      return [
        {
          what: `${ownerText(ordinary)} listens on ${socketText(ordinary)} as uid ${ordinary.socket.uid}: ${why}`,
          ports: only(port),
          protocol,
          advice: `If that is intended, reserve the port: ${facts.statementForHolders(listener)}`,
        },
      ];
    }),
});

export const LOW_PORTS_OPEN = check({
  code: 'LOW_PORTS_OPEN',
  title: 'unprivileged users can bind ports below 1024',
  severities: ['warning', 'info'],
  why: 'a source port below 1024 then proves nothing, and any user can take the port of a service that is down',
  explanation: [
    'net.ipv4.ip_unprivileged_port_start is below 1024: bind(2) to a port from that value on requires no privilege.',
    'It is a warning where a service on this host trusts low source ports: see LOW_PORT_TRUSTED.',
    'Set it to 1024 again, and permit single ports by the profile: a reservation below 1024 grants the port to its ' +
      'job.',
  ],
  run: (facts) => {
    if (!isOpenToAll(facts)) return [];
    const { unprivilegedStart: start } = facts.snapshot.kernel;
    const isTrusted = facts.snapshot.trusts.length > 0;
    return [
      {
        severity: isTrusted ? 'warning' : 'info',
        what: `net.ipv4.ip_unprivileged_port_start is ${start}: every user can bind the ports from ${start} on`,
        ports: [{ first: Math.max(start, 1), last: LOW_PORTS_END - 1 }],
        advice: `If no program needs it: sysctl -w net.ipv4.ip_unprivileged_port_start=${LOW_PORTS_END}`,
      },
    ];
  },
});

/** One finding for all trusts of the same kind and severity. */
export const LOW_PORT_TRUSTED = check({
  code: 'LOW_PORT_TRUSTED',
  title: 'a service trusts source ports below 1024',
  severities: ['warning', 'info'],
  why: 'anyone who has root on any host of the network can use such a port, so that the check stops no attacker',
  explanation: [
    'An NFS export has the option secure, which is the default, and trusts the user IDs that its clients send ' +
      '(sec=sys); or rshd, rlogind or lpd trust the hosts of /etc/hosts.equiv or /etc/hosts.lpd. All of them require ' +
      'a source port below 1024 and take it as proof that the request comes from root. "Making this assumption ' +
      'is dangerous because not all system enforce this restriction" (RFC 1700).',
    'For an export it is an info: use it only in a network that you trust, or use sec=krb5. It is a warning where ' +
      'every user of this host can bind low ports, and for rshd, rlogind and lpd where they listen.',
  ],
  run: (facts) => {
    const severityOf = ({ kind, isServed }: LowPortTrust) =>
      (kind === 'rhosts' ? isServed : isOpenToAll(facts)) ? 'warning' : 'info';
    const groups = Map.groupBy(facts.snapshot.trusts, (trust) => `${trust.kind} ${severityOf(trust)}`);
    return [...groups.values()].flatMap(([trust, ...others]): Found<'warning' | 'info'>[] => {
      if (!trust) return [];
      const { kind, place, what } = trust;
      const more = others.length > 0 ? `, and ${others.length} more like it` : '';
      return [
        {
          severity: severityOf(trust),
          what: `${place}: ${what}${more}`,
          ports: [],
          advice:
            kind === 'nfs'
              ? 'Export it only to a network that you trust, or use sec=krb5.'
              : 'Use ssh or CUPS, and remove the file.',
        },
      ];
    });
  },
});
