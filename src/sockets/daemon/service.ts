// The sockets as a service of the daemon: answers on status.sock who holds which port, and remembers what it has seen
// of processes from one question to the next.
import { readlinkSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { messageOf } from '../../base/errors.ts';
import {
  PORT_NAMES_AGE_MAX_MS,
  PORTS_REQUESTS_PER_SECOND_MAX,
  PORTS_REQUESTS_PER_USER_PER_SECOND_MAX,
} from '../../base/limits.ts';
import type { Files } from '../../host/host.ts';
import { cgroupsIfAny } from '../../host/linux/cgroups.ts';
import { interfaceName } from '../../host/linux/interface-name.ts';
import { type PeerCredentials, peerCredentials } from '../../host/linux/peer-credentials.ts';
import { PeerShares } from '../../job/daemon/peer-shares.ts';
import type { DaemonService } from '../../kit/daemon-service.ts';
import type { Metric } from '../../kit/metrics.ts';
import { reply } from '../../kit/unix-http.ts';
import type { NameDeps } from '../app/port-names.ts';
import { namesBy, type PortsDeps, portsRecords, portsTable } from '../app/ports-answer.ts';
import { PORTS_PATH, type PortsRequest, parsePortsPath } from '../app/ports-asked.ts';
import { LinuxOpenSockets } from '../linux/open-sockets.ts';

const SECOND_MS = 1000;

interface SocketsServiceDeps {
  /** The files that name users. */
  readonly files: () => Pick<Files, 'readText' | 'names'>;
  /** What names ports. */
  readonly names: NameDeps;
}

export class SocketsService implements DaemonService {
  readonly name = 'sockets';
  /** GET with a path that portsPath() gives. */
  readonly routes = {
    streams: {
      [PORTS_PATH]: (request: IncomingMessage, response: ServerResponse) => this.#answer(request, response),
    },
  };
  readonly #sockets = new LinuxOpenSockets();
  readonly #here = { net: readlinkSync('/proc/self/ns/net'), pid: readlinkSync('/proc/self/ns/pid') };
  readonly #deps: SocketsServiceDeps;
  #names: PortsDeps['names'] | undefined;
  #namesFrom = Number.NEGATIVE_INFINITY;
  readonly #questions = { answered: 0, refused: 0 };
  readonly #shares = new PeerShares();
  /** How often each user was answered in this second, and all but root together. */
  readonly #answered = new Map<string, number>();
  #answeredToUsers = 0;
  #secondBegan = 0;

  constructor(deps: SocketsServiceDeps) {
    this.#deps = deps;
  }

  /** It has nothing open, and nothing of it can be set. */
  async start(): Promise<void> {}
  async stop(): Promise<void> {}
  check(): void {}
  async reload(): Promise<void> {}

  async status() {
    return { answered: this.#questions.answered, refused: this.#questions.refused };
  }

  async metrics(): Promise<readonly Metric[]> {
    return [
      {
        name: 'portreeve_sockets_questions_total',
        type: 'counter',
        help: 'Questions of who holds which port, since the daemon was started; refused: asked too often.',
        samples: Object.entries(this.#questions).map(([outcome, value]) => ({ labels: { outcome }, value })),
      },
    ];
  }

  #answer(request: IncomingMessage, response: ServerResponse): Promise<void> | void {
    const asked = parsePortsPath(request.url ?? '');
    if (typeof asked === 'string') {
      reply(response, 400, { error: asked });
      return;
    }
    const peer = peerCredentials(request.socket);
    if (!peer) reply(response, 403, { error: 'the kernel does not tell who asks' });
    else if (this.#isElsewhere(asked))
      reply(response, 409, { error: 'whoever asks is in another network or process namespace' });
    else if (this.#isTooMuch(peer)) {
      this.#questions.refused++;
      reply(response, 503, { error: 'this is asked too often' });
    } else {
      this.#questions.answered++;
      return this.#reply(asked, peer, response);
    }
  }

  #isElsewhere({ net = this.#here.net, pid = this.#here.pid }: PortsRequest): boolean {
    return net !== this.#here.net || pid !== this.#here.pid;
  }

  /** To look takes a while, in which nothing else is done. */
  #isTooMuch(peer: PeerCredentials): boolean {
    const { party, user } = this.#shares.of(peer);
    if (party === 'root') return false;
    const now = performance.now();
    if (now - this.#secondBegan >= SECOND_MS) {
      this.#secondBegan = now;
      this.#answered.clear();
      this.#answeredToUsers = 0;
    }
    const count = this.#answered.get(user) ?? 0;
    if (count >= PORTS_REQUESTS_PER_USER_PER_SECOND_MAX) return true;
    if (this.#answeredToUsers >= PORTS_REQUESTS_PER_SECOND_MAX) return true;
    this.#answered.set(user, count + 1);
    this.#answeredToUsers++;
    return false;
  }

  async #reply(asked: PortsRequest, peer: PeerCredentials, response: ServerResponse): Promise<void> {
    try {
      const { question, table } = asked;
      const deps = this.#depsFor(peer);
      const answer = table ? portsTable(deps, question, table) : portsRecords(deps, question);
      reply(response, 200, await answer);
    } catch (thrown) {
      reply(response, 500, { error: messageOf(thrown) });
    }
  }

  #depsFor({ uid, gids: [gid = -1] }: PeerCredentials): PortsDeps {
    const sockets = this.#sockets.shownTo({ uid, gid });
    return {
      sockets,
      files: this.#deps.files(),
      cgroups: cgroupsIfAny(),
      names: () => this.#gather(),
      interfaceName,
    };
  }

  /** Names change seldom: they are gathered anew after a while. */
  #gather(): ReturnType<PortsDeps['names']> {
    const now = performance.now();
    if (!this.#names || now - this.#namesFrom >= PORT_NAMES_AGE_MAX_MS) {
      this.#namesFrom = now;
      this.#names = namesBy(this.#deps.names);
    }
    return this.#names();
  }
}
