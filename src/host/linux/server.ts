// The loop of a process that answers the network: its sockets, its clock and its channel, all in one epoll set.
import type { IpAddress } from '../../base/address.ts';
import type { NetId } from '../../base/netid.ts';
import type { ConnectionKeeper, RequestHandler, StreamHandler } from '../host.ts';
import { DatagramBatch, DatagramSocket } from './datagrams.ts';
import { InterfaceWatch } from './interfaces.ts';
import { type StreamConnection, type StreamContext, StreamListener, StreamMemory } from './streams.ts';
import { EPOLLIN } from './sys/constants.ts';
import { EpollLoop, openTicker } from './sys/epoll.ts';
import { sys } from './sys/libc.ts';
import { NativeBuffer } from './sys/memory.ts';

/** How often connections are looked at for those whose time is up. */
const TICK_MS = 1000;

/** What answers, and which connections are kept. */
export interface ServerParts {
  readonly requests: RequestHandler;
  readonly streams: StreamHandler;
  readonly keeper: ConnectionKeeper;
}

/** What a server knows of its work. */
export interface ServerCounters {
  readonly connections: number;
  /** Answers over UDP that the kernel did not take. */
  readonly unsent: number;
}

/** Serves sockets that are handed to it; it opens none. */
export class NetworkServer {
  readonly loop = new EpollLoop();
  readonly #parts: ServerParts;
  readonly #context: StreamContext;
  readonly #listeners: StreamListener[] = [];
  readonly #datagrams: DatagramSocket[] = [];
  readonly #batch = new DatagramBatch();

  constructor(parts: ServerParts) {
    this.#parts = parts;
    this.#context = {
      loop: this.loop,
      memory: new StreamMemory(),
      handler: parts.streams,
      keeper: parts.keeper,
      now: () => performance.now(),
      connections: new Map<number, StreamConnection>(),
      onClosed: () => {
        for (const listener of this.#listeners) listener.resume();
      },
    };
    this.#startTicker();
  }

  #startTicker(): void {
    const fd = openTicker(TICK_MS);
    const expirations = new NativeBuffer(8);
    this.loop.add(fd, EPOLLIN, {
      ready: () => {
        sys.read(fd, expirations.address, 8);
        const { connections, keeper, now } = this.#context;
        for (const id of keeper.overdue(now())) connections.get(id)?.close();
        for (const listener of this.#listeners) listener.resume();
      },
    });
  }

  /** Serves a UDP socket that is bound to that address. */
  addDatagramSocket(fd: number, netid: NetId, bound: IpAddress): void {
    const socket = new DatagramSocket(fd, netid, bound, this.#parts.requests, this.#batch);
    this.#datagrams.push(socket);
    this.loop.add(fd, EPOLLIN, socket);
  }

  /** Serves a listening TCP or Unix socket. */
  addListener(fd: number, netid: NetId): void {
    const listener = new StreamListener(fd, netid, this.#context);
    this.#listeners.push(listener);
    this.loop.add(fd, EPOLLIN, listener);
  }

  /** Follows the addresses of the interfaces through a routing netlink socket; `onReady` is called after the first. */
  watchInterfaces(fd: number, onReady: () => void): void {
    let ready = onReady;
    const watch = new InterfaceWatch(fd, (addresses) => {
      this.#parts.requests.interfacesChanged(addresses);
      ready();
      ready = () => undefined;
    });
    this.loop.add(fd, EPOLLIN, watch);
    watch.start();
  }

  counters(): ServerCounters {
    const unsent = this.#datagrams.reduce((sum, socket) => sum + socket.unsent, 0);
    return { connections: this.#context.connections.size, unsent };
  }
}
