// A line server over streams for tests, which records its requests and the calls of its keeper.
import type { TestContext } from 'node:test';
import type { Peer } from '../../src/base/peer.ts';
import type { StreamOutput } from '../../src/host/host.ts';
import { closeEndpoint } from '../../src/host/linux/sockets.ts';
import {
  networkNamespace,
  type StreamConnection,
  type StreamContext,
  StreamListener,
  StreamMemory,
  WaitingAnswers,
} from '../../src/host/linux/streams.ts';
import { EPOLLIN } from '../../src/host/linux/sys/constants.ts';
import { EpollLoop } from '../../src/host/linux/sys/epoll.ts';
import { anyPort, boundTo, opened, runUntil, StreamClient } from './loopback.ts';

/** Answers one request: the text between two line ends. */
export type Answer = (request: string, output: StreamOutput, peer: Peer) => void;

/** Commits bytes as an answer, or a part of one. */
export function put(output: StreamOutput, bytes: Uint8Array): void {
  output.buffer.u8.set(bytes, output.room(bytes.length));
  output.commit(bytes.length);
}

export const echo: Answer = (request, output) => put(output, Buffer.from(`${request}\n`));

/** A line server that records its requests and the calls of its keeper. */
export class StreamServer {
  readonly loop = new EpollLoop();
  readonly asked: string[] = [];
  readonly kept: string[] = [];
  readonly connections = new Map<number, StreamConnection>();
  readonly waiting = new WaitingAnswers();
  readonly listener: StreamListener;
  readonly to: ConstructorParameters<typeof StreamClient>[0];
  readonly #t: TestContext;
  /** How many connections were closed. */
  closed = 0;
  victim: number | undefined;
  mostStalled: number | undefined;
  owner: number | undefined = 4711;
  answer: Answer;

  constructor(
    t: TestContext,
    { spec = anyPort('tcp', '127.0.0.1'), answer = echo, isElsewhere = false } = {},
  ) {
    this.#t = t;
    this.answer = answer;
    const endpoint = opened(spec);
    const memory = new StreamMemory();
    this.to = spec.netid === 'local' ? spec : boundTo(endpoint.fd);
    const own = networkNamespace(endpoint.fd, memory);
    const keep = (what: string) => void this.kept.push(what);
    const context: StreamContext = {
      loop: this.loop,
      memory,
      handler: {
        receive: (peer, input, start, end, output) =>
          this.#receive(peer, Buffer.from(input.u8.buffer, start, end - start), output),
      },
      keeper: {
        opened: () => this.victim,
        moved: () => keep('moved'),
        waiting: (_, waits) => keep(waits ? 'waits' : 'waits no more'),
        closed: () => keep('closed'),
        mostStalled: () => this.mostStalled,
        overdue: () => [],
      },
      table: { streamPeer: () => this.owner },
      namespace: isElsewhere ? (own ?? 0n) + 1n : own,
      now: () => 0,
      connections: this.connections,
      waiting: this.waiting,
      onClosed: () => {
        this.closed++;
        this.listener.resume();
      },
    };
    this.listener = new StreamListener(endpoint.fd, spec.netid, context);
    this.loop.add(endpoint.fd, EPOLLIN, this.listener);
    t.after(() => {
      for (const one of this.connections.values()) one.close();
      closeEndpoint(endpoint);
    });
  }

  #receive(peer: Peer, input: Buffer, output: StreamOutput): number {
    let at = 0;
    for (let end = input.indexOf('\n'); end >= 0 && !output.full; end = input.indexOf('\n', at)) {
      const request = input.toString('latin1', at, end);
      if (request === 'wrong') return -1;
      this.asked.push(request);
      this.answer(request, output, peer);
      at = end + 1;
    }
    return at;
  }

  client(): StreamClient {
    const client = new StreamClient(this.to);
    this.#t.after(() => client.close());
    return client;
  }

  /** Runs until something has happened. */
  until<Result>(what: string, happened: () => Result | undefined | false): Result {
    return runUntil(this.loop, what, happened);
  }

  /** Runs until a client has received this number of bytes, and returns all that it has received. */
  untilTaken(client: StreamClient, bytes: number): Buffer {
    this.until(`${bytes} bytes`, () => client.drain() >= bytes);
    return client.take();
  }

  /** Has a client send a request, and runs until it has the answer. */
  ask(client: StreamClient, text: string): string {
    const before = client.drain();
    client.send(Buffer.from(`${text}\n`));
    return this.until(`an answer to ${text}`, () => {
      const answer = client.take().toString('latin1', before);
      return answer.endsWith('\n') && answer;
    });
  }

  untilClosed(count = 1): void {
    this.until(`end ${count}`, () => this.closed >= count);
  }
}
