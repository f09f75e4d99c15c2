// A Python program in the fixture of a guard, which binds sockets for a test, as different users.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { GuardFixture } from './guard.ts';

const PROGRAM = join(import.meta.dirname, 'bind-agent.py');

type SocketProtocol = 'tcp' | 'udp' | 'mptcp' | 'udplite' | 'sctp';

/** One bind(2) of a new socket, which is then closed unless it is to be kept. */
export interface AgentBind {
  readonly socket: `${SocketProtocol}${'4' | '6'}`;
  readonly address: string;
  readonly port: number;
  /** The family in the address, if it differs from the socket's. */
  readonly claimedFamily?: number;
  readonly options?: readonly ('REUSEADDR' | 'REUSEPORT' | 'V6ONLY')[];
  /** The cgroup that the program enters after it has created the socket. */
  readonly moveTo?: string;
  readonly listen?: boolean;
  readonly keep?: boolean;
}

/** The result. */
export interface AgentBound {
  /** The errno's name; null if it succeeded. */
  readonly error: string | null;
  readonly address: string;
  readonly port: number;
  readonly reusePort: boolean;
  /** The maximum delay of an acknowledgment; null where the kernel does not report it, or the socket is not TCP. */
  readonly delayedAckUs: number | null;
}

/** The user that binds; the default is root with all privileges. */
export interface AgentUser {
  /** The real and the effective uid; the groups, including the primary one. */
  readonly uid?: number;
  readonly groups?: readonly number[];
  /** Whether it has CAP_NET_BIND_SERVICE. */
  readonly lowPortCapable?: boolean;
}

interface Task extends AgentUser {
  readonly binds?: readonly AgentBind[];
  /** Whether it repeats the binds until the next task. */
  readonly repeat?: boolean;
  /** Whether it closes the kept sockets. */
  readonly release?: boolean;
  /** The first port for which Linux requires no capability in the network namespace. */
  readonly unprivilegedStart?: number;
}

interface Answer {
  readonly bound?: readonly AgentBound[];
  readonly counts?: Readonly<Record<string, number>>;
}

let agents = 0;

/** Where it runs; the default is the guard's cgroup and the sandbox's network namespace. */
export interface AgentPlace {
  readonly cgroup?: string;
  /** Whether it has its own network namespace. */
  readonly ownNetwork?: boolean;
  /** Whether it has a low priority: for one that binds all the time. */
  readonly isNice?: boolean;
}

export class BindAgent {
  /** The cookie of its network namespace. */
  readonly netns: bigint;
  readonly #socket: Socket;
  readonly #lines: AsyncIterator<string>;

  private constructor(socket: Socket, netns: bigint) {
    this.netns = netns;
    this.#socket = socket;
    this.#lines = createInterface({ input: socket })[Symbol.asyncIterator]();
  }

  /** Starts one, which ends with the fixture. */
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

  /** One bind; returns the errno's name, or the bound address. */
  async bindOne(bind: AgentBind, user?: AgentUser): Promise<string> {
    const [bound] = await this.bind([bind], user);
    return bound?.error ?? bound?.address ?? assert.fail('no answer');
  }

  /** Binds until `stop` is called, which returns how often each result (an errno or an address) occurred. */
  repeat(binds: readonly AgentBind[], user: AgentUser = {}): () => Promise<Readonly<Record<string, number>>> {
    this.#send({ ...user, binds, repeat: true });
    return async () => {
      this.#send({});
      const { counts = {} } = await this.#answer();
      await this.#answer();
      return counts;
    };
  }

  /** Closes the kept sockets. */
  async release(): Promise<void> {
    await this.#ask({ release: true });
  }

  /** Sets net.ipv4.ip_unprivileged_port_start in the sandbox's network namespace. */
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
