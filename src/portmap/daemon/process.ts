// The process that answers the network: it receives its sockets from the daemon, confines itself, and serves.
import { parseIp } from '../../base/address.ts';
import { PortreeveError } from '../../base/errors.ts';
import { encodeFilter, serverFilter } from '../../bpf/seccomp.ts';
import { Channel } from '../../host/linux/channel.ts';
import { confine, exitImmediately } from '../../host/linux/confine.ts';
import { DatagramSenders } from '../../host/linux/datagram-senders.ts';
import { descriptorLimit } from '../../host/linux/limits.ts';
import { systemClock } from '../../host/linux/linux-clock.ts';
import { DescriptorFile } from '../../host/linux/log-file.ts';
import { RootPorts } from '../../host/linux/root-ports.ts';
import { NetworkServer } from '../../host/linux/server.ts';
import { DiagTable } from '../../host/linux/socket-table.ts';
import { Ipv6DatagramCount } from '../../host/linux/sockstat.ts';
import { EpollLoop, openTicker } from '../../host/linux/sys/epoll.ts';
import { CONNECTION_LIMITS, Connections } from '../app/connections.ts';
import { Portmapper } from '../app/portmapper.ts';
import { RecordServer } from '../app/records.ts';
import type { FromPortmap, GivenSocket, PortmapStatus, ToPortmap } from './messages.ts';

/** The interval of periodic work: connection timeouts, stale registrations, suppressed events. */
const TICK_MS = 100;
/** Descriptors that are not available for connections: sockets, epoll, channel, log, and those of Node. */
const DESCRIPTORS_KEPT = 64;

type ServeMessage = Extract<ToPortmap, { type: 'serve' }>;

/** The event loop, the service, and the channel to the daemon. */
class PortmapProcess {
  readonly #loop = new EpollLoop();
  readonly #channel: Channel;
  readonly #tickerFd = openTicker(TICK_MS);
  readonly #connectionsMax = Math.min(CONNECTION_LIMITS.count, descriptorLimit() - DESCRIPTORS_KEPT);
  #portmapper: Portmapper | undefined;
  #server: NetworkServer | undefined;
  #continue: () => void = () => undefined;

  constructor() {
    this.#channel = new Channel(
      this.#loop,
      (line) => this.#take(line),
      () => this.#loop.stop(),
    );
  }

  run(): void {
    this.#loop.run();
  }

  #send(message: FromPortmap): void {
    this.#channel.send(JSON.stringify(message));
  }

  /** Only the daemon sends lines, and it is trusted: no validation. */
  #take(line: string): void {
    const message: ToPortmap = JSON.parse(line);
    if (message.type === 'serve') this.#prepare(message);
    else if (message.type === 'aside') this.#continue();
    else this.#send({ type: 'status', id: message.id, ...this.#status() });
  }

  /** Confines the process and reads the log. Files to set aside are copied before the log is written. */
  #prepare(message: ServeMessage): void {
    const ownIpv6 = message.sockets.filter(({ netid }) => netid === 'udp6').length;
    const table = new DiagTable(message.diagFd, new Ipv6DatagramCount(ownIpv6));
    const filter = serverFilter(process.arch);
    const { missing } = confine(filter && encodeFilter(filter));
    const [first, second] = message.logFds;
    const portmapper = new Portmapper({
      clock: systemClock,
      sockets: table,
      logFiles: [new DescriptorFile(first), new DescriptorFile(second)],
      stamp: message.stamp,
      listener: {
        onEvent: (event) => this.#send({ type: 'event', event }),
        onSuppressed: (counts) => this.#send({ type: 'suppressed', counts }),
        onFault: (stack) => this.#send({ type: 'fault', stack }),
      },
    });
    this.#portmapper = portmapper;
    const { count, setAside } = portmapper.recover(message.own, message.carried);
    if (count > 0) this.#send({ type: 'restored', count });
    this.#continue = () => this.#serve(message, portmapper, table, missing);
    if (setAside.length > 0) this.#send({ type: 'set-aside', files: setAside });
    else this.#continue();
  }

  #serve(message: ServeMessage, portmapper: Portmapper, table: DiagTable, missing: readonly string[]): void {
    const logFailure = portmapper.startLog();
    const server = new NetworkServer({
      loop: this.#loop,
      requests: portmapper.service,
      streams: new RecordServer(portmapper.service),
      keeper: new Connections({ ...CONNECTION_LIMITS, count: this.#connectionsMax }),
      table,
      senders: new DatagramSenders({
        table,
        rootPorts: new RootPorts(message.privilegedStartFd, message.grantedFd),
      }),
      diagFd: message.diagFd,
      tickerFd: this.#tickerFd,
      onTick: (now) => portmapper.tick(now),
    });
    this.#server = server;
    this.#loop.whenIdle(portmapper);
    for (const socket of message.sockets) addSocket(server, socket);
    server.watchInterfaces(message.routeFd, () => this.#send({ type: 'ready', missing, logFailure }));
  }

  #status(): PortmapStatus {
    const counters = this.#server?.counters() ?? { connections: 0, unsent: 0, late: 0 };
    const report = this.#portmapper?.report() ?? { mappings: 0, foreign: 0, calls: {} };
    return { ...counters, ...report };
  }
}

function addSocket(server: NetworkServer, { fd, netid, address }: GivenSocket): void {
  if (netid !== 'udp' && netid !== 'udp6') {
    server.addListener(fd, netid);
    return;
  }
  const bound = parseIp(address);
  if (!bound) throw new PortreeveError('BAD_MESSAGE', `"${address}" is not an address of ${netid}`);
  server.addDatagramSocket(fd, netid, bound);
}

process.title = 'portreeve: portmap';
new PortmapProcess().run();
exitImmediately();
