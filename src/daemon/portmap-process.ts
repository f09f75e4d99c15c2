// The process that answers the network: it gets its sockets from the daemon, shuts itself in, and serves.
import { parseIp } from '../base/address.ts';
import { PortreeveError } from '../base/errors.ts';
import { encodeFilter, serverFilter } from '../bpf/seccomp.ts';
import { Channel } from '../host/linux/channel.ts';
import { confine, endAtOnce } from '../host/linux/confine.ts';
import { descriptorLimit } from '../host/linux/limits.ts';
import { NetworkServer } from '../host/linux/server.ts';
import { CONNECTION_LIMITS, Connections } from '../services/portmap/connections.ts';
import { RecordServer } from '../services/portmap/records.ts';
import { PortmapService } from '../services/portmap/service.ts';
import { Registrations } from '../state/registrations.ts';
import type { FromPortmap, GivenSocket, PortmapStatus, ToPortmap } from './portmap-messages.ts';

/** Descriptors that are not for connections: sockets, epoll, channel, log, and what Node has. */
const DESCRIPTORS_KEPT = 64;

type ServeMessage = Extract<ToPortmap, { type: 'serve' }>;

/** The loop, its service, and the channel over which the daemon steers both. */
class PortmapProcess {
  readonly #service: PortmapService;
  #server: NetworkServer | undefined;
  #channel: Channel | undefined;

  constructor() {
    this.#service = new PortmapService({
      registrations: new Registrations(),
      clock: { now: () => Date.now() },
      onEvent: (event) => this.#send({ type: 'event', event }),
    });
  }

  run(): void {
    const free = descriptorLimit() - DESCRIPTORS_KEPT;
    const server = new NetworkServer({
      requests: this.#service,
      streams: new RecordServer(this.#service),
      keeper: new Connections({ ...CONNECTION_LIMITS, count: Math.min(CONNECTION_LIMITS.count, free) }),
    });
    this.#server = server;
    const end = () => server.loop.stop();
    this.#channel = new Channel(server.loop, (line) => this.#take(line), end);
    server.loop.run();
  }

  #send(message: FromPortmap): void {
    this.#channel?.send(JSON.stringify(message));
  }

  /** Lines come from the daemon alone, which is of the same build: they need no check. */
  #take(line: string): void {
    const message: ToPortmap = JSON.parse(line);
    if (message.type === 'serve') this.#serve(message);
    else this.#send({ type: 'status', id: message.id, ...this.#status() });
  }

  #serve(message: ServeMessage): void {
    for (const entry of message.own) this.#service.addBuiltIn(entry);
    const filter = serverFilter(process.arch);
    const { missing } = confine(filter && encodeFilter(filter));
    for (const socket of message.sockets) this.#addSocket(socket);
    this.#server?.watchInterfaces(message.routeFd, () => this.#send({ type: 'ready', missing }));
  }

  #addSocket({ fd, netid, address }: GivenSocket): void {
    if (netid !== 'udp' && netid !== 'udp6') {
      this.#server?.addListener(fd, netid);
      return;
    }
    const bound = parseIp(address);
    if (!bound) throw new PortreeveError('bug', 'BAD_MESSAGE', `"${address}" is no address of ${netid}`);
    this.#server?.addDatagramSocket(fd, netid, bound);
  }

  #status(): PortmapStatus {
    const { statistics, registrations } = this.#service.tables;
    const calls = Object.fromEntries(
      ([2, 3, 4] as const).map((version) => [version, [...statistics.of(version).calls]]),
    );
    const counters = this.#server?.counters() ?? { connections: 0, unsent: 0 };
    return { ...counters, mappings: registrations.size, calls };
  }
}

process.title = 'portreeve: portmap';
new PortmapProcess().run();
endAtOnce();
