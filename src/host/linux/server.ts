// The event loop of a process that serves the network: sockets, timer and channel in one epoll set.
import type { IpAddress } from '../../base/address.ts';
import type { NetId } from '../../base/netid.ts';
import type { ConnectionKeeper, RequestHandler, StreamHandler } from '../host.ts';
import type { DatagramSenders } from './datagram-senders.ts';
import { DatagramBatch, DatagramSocket } from './datagrams.ts';
import { InterfaceWatch } from './interfaces.ts';
import type { DiagTable } from './socket-table.ts';
import {
  networkNamespace,
  type StreamConnection,
  type StreamContext,
  StreamListener,
  StreamMemory,
  WaitingAnswers,
} from './streams.ts';
import { EPOLLIN } from './sys/constants.ts';
import type { EpollLoop } from './sys/epoll.ts';
import { sys } from './sys/libc.ts';
import { NativeBuffer } from './sys/memory.ts';

interface ServerParts {
  readonly loop: EpollLoop;
  readonly requests: RequestHandler;
  readonly streams: StreamHandler;
  readonly keeper: ConnectionKeeper;
  /** The owners of sockets on this host. */
  readonly table: DiagTable;
  readonly senders: DatagramSenders;
  /** A sock_diag descriptor, from which the cookie of our network namespace is read. */
  readonly diagFd: number;
  /** A ticker (openTicker), which a confined process cannot create. */
  readonly tickerFd: number;
  /** Called at each tick with monotonic milliseconds. */
  readonly onTick: (now: number) => void;
}

interface ServerCounters {
  readonly connections: number;
  /** UDP replies that the kernel did not accept. */
  readonly unsent: number;
  /** Changes over UDP that were not answered because they were late. */
  readonly late: number;
}

/** Serves inherited sockets. It opens none. */
export class NetworkServer {
  readonly #loop: EpollLoop;
  readonly #parts: ServerParts;
  readonly #context: StreamContext;
  readonly #listeners: StreamListener[] = [];
  readonly #datagrams: DatagramSocket[] = [];
  readonly #batch = new DatagramBatch();

  constructor(parts: ServerParts) {
    this.#parts = parts;
    this.#loop = parts.loop;
    const memory = new StreamMemory();
    this.#context = {
      loop: parts.loop,
      memory,
      table: parts.table,
      namespace: networkNamespace(parts.diagFd, memory),
      handler: parts.streams,
      keeper: parts.keeper,
      now: () => performance.now(),
      connections: new Map<number, StreamConnection>(),
      waiting: new WaitingAnswers(),
      onClosed: () => {
        for (const listener of this.#listeners) listener.resume();
      },
    };
    this.#startTicker();
  }

  #startTicker(): void {
    const fd = this.#parts.tickerFd;
    const expirations = new NativeBuffer(8);
    this.#loop.add(fd, EPOLLIN, {
      ready: () => {
        sys.read(fd, expirations.address, 8);
        const { connections, keeper } = this.#context;
        const now = this.#context.now();
        for (const id of keeper.overdue(now)) connections.get(id)?.close();
        this.#parts.onTick(now);
        for (const listener of this.#listeners) listener.resume();
      },
    });
  }

  /** Serves a UDP socket bound to this address. */
  addDatagramSocket(fd: number, netid: NetId, bound: IpAddress): void {
    const { requests, senders } = this.#parts;
    const socket = new DatagramSocket(fd, netid, bound, requests, this.#batch, senders);
    this.#datagrams.push(socket);
    this.#loop.add(fd, EPOLLIN, socket);
  }

  /** Serves a listening TCP or Unix socket. */
  addListener(fd: number, netid: NetId): void {
    const listener = new StreamListener(fd, netid, this.#context);
    this.#listeners.push(listener);
    this.#loop.add(fd, EPOLLIN, listener);
  }

  /** Follows interface addresses through a routing netlink socket. `onReady` is called after the first report. */
  watchInterfaces(fd: number, onReady: () => void): void {
    let ready = onReady;
    const watch = new InterfaceWatch(fd, (addresses) => {
      this.#parts.requests.interfacesChanged(addresses);
      ready();
      ready = () => undefined;
    });
    this.#loop.add(fd, EPOLLIN, watch);
    watch.start();
  }

  counters(): ServerCounters {
    const unsent = this.#datagrams.reduce((sum, socket) => sum + socket.unsent, 0);
    return { connections: this.#context.connections.size, unsent, late: this.#parts.senders.late };
  }
}
