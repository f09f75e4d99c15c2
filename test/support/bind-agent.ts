// A Python program on the stage of a guard that binds sockets as a test tells it, as one user and the other.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { GuardFixture } from './guard.ts';

const PROGRAM = join(import.meta.dirname, 'bind-agent.py');

type SocketProtocol = 'tcp' | 'udp' | 'mptcp' | 'udplite' | 'sctp';

/** One bind(2) of a new socket, which is closed after it unless it is to be kept. */
export interface AgentBind {
  readonly socket: `${SocketProtocol}${'4' | '6'}`;
  readonly address: string;
  readonly port: number;
  /** The family that stands in the address, where it is to be another than the socket's. */
  readonly claimedFamily?: number;
  readonly options?: readonly ('REUSEADDR' | 'REUSEPORT' | 'V6ONLY')[];
  /** The cgroup that the program goes to when it has the socket. */
  readonly moveTo?: string;
  readonly listen?: boolean;
  readonly keep?: boolean;
}

/** What became of it. */
export interface AgentBound {
  /** The errno's name; null if it succeeded. */
  readonly error: string | null;
  readonly address: string;
  readonly port: number;
  readonly reusePort: boolean;
  /** The longest time that an acknowledgment waits; null where the kernel does not tell, or it is not TCP. */
  readonly delayedAckUs: number | null;
}

/** As whom it binds: root, with all that root may, unless it is said. */
export interface AgentUser {
  /** The real and the effective user; of the groups its own one, too. */
  readonly uid?: number;
  readonly groups?: readonly number[];
  /** Whether it has CAP_NET_BIND_SERVICE. */
  readonly lowPortCapable?: boolean;
}

interface Task extends AgentUser {
  readonly binds?: readonly AgentBind[];
  /** Whether it goes on with the binds until the next task comes. */
  readonly repeat?: boolean;
  /** Whether it closes what was kept. */
  readonly release?: boolean;
  /** The network's first port for which no capability is asked. */
  readonly unprivilegedStart?: number;
}

interface Answer {
  readonly bound?: readonly AgentBound[];
  readonly counts?: Readonly<Record<string, number>>;
}

let agents = 0;

/** Where it runs: in the guard's cgroup and the world's network, unless it is said. */
export interface AgentPlace {
  readonly cgroup?: string;
  /** Whether it has a network of its own. */
  readonly ownNetwork?: boolean;
  /** Whether it leaves the processors to others: for one that binds all the time. */
  readonly isNice?: boolean;
}

export class BindAgent {
  /** The number of its network namespace. */
  readonly netns: bigint;
  readonly #socket: Socket;
  readonly #lines: AsyncIterator<string>;

  private constructor(socket: Socket, netns: bigint) {
    this.netns = netns;
    this.#socket = socket;
    this.#lines = createInterface({ input: socket })[Symbol.asyncIterator]();
  }

  /** Starts one; it ends with the stage. */
  static async on(
    fixture: GuardFixture,
    { cgroup, ownNetwork, isNice }: AgentPlace = {},
  ): Promise<BindAgent> {
    const path = `/run/bind-agent-${++agents}`;
    const wrappers = [...(ownNetwork ? ['unshare', '--net'] : []), ...(isNice ? ['nice', '-n', '19'] : [])];
    const argv = [...wrappers, 'python3', PROGRAM, path];
    const running = fixture.start(argv, cgroup === undefined ? {} : { cgroup });
    const [, netns = ''] = await running.waitForOutput(/ready (\d+)\n/);
    const socket = connect(fixture.sandbox.path(path));
    socket.on('error', () => {});
    await once(socket, 'connect');
    return new BindAgent(socket, BigInt(netns));
  }

  async bind(binds: readonly AgentBind[], user: AgentUser = {}): Promise<readonly AgentBound[]> {
    return (await this.#ask({ ...user, binds })).bound ?? assert.fail('no answer');
  }

  /** One bind; gives the errno's name, or where it is bound. */
  async bindOne(bind: AgentBind, user?: AgentUser): Promise<string> {
    const [bound] = await this.bind([bind], user);
    return bound?.error ?? bound?.address ?? assert.fail('no answer');
  }

  /** Binds until `stop` is called, which gives how often there was each result: an errno, or an address. */
  repeat(binds: readonly AgentBind[], user: AgentUser = {}): () => Promise<Readonly<Record<string, number>>> {
    this.#send({ ...user, binds, repeat: true });
    return async () => {
      this.#send({});
      const { counts = {} } = await this.#answer();
      await this.#answer();
      return counts;
    };
  }

  /** Closes the sockets that were kept. */
  async release(): Promise<void> {
    await this.#ask({ release: true });
  }

  /** Sets net.ipv4.ip_unprivileged_port_start of the world's network. */
  async setUnprivilegedStart(port: number): Promise<void> {
    await this.#ask({ unprivilegedStart: port });
  }

  async #ask(task: Task): Promise<Answer> {
    this.#send(task);
    return this.#answer();
  }

  #send(task: Task): void {
    this.#socket.write(`${JSON.stringify(task)}\n`);
  }

  async #answer(): Promise<Answer> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error('the agent has ended');
    const answer: Answer = JSON.parse(value);
    return answer;
  }
}
