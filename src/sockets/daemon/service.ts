// The daemon service of sockets: reports on status.sock which process holds which port. It caches what it read about
// processes between requests.
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
import { PORTS_PATH, type PortsRequest, parsePortsPath } from '../app/ports-query.ts';
import { LinuxOpenSockets } from '../linux/open-sockets.ts';

const SECOND_MS = 1000;

interface SocketsServiceDeps {
  /** The files that contain user names. */
  readonly files: () => Pick<Files, 'readText' | 'names'>;
  /** The sources of port names. */
  readonly names: NameDeps;
}

export class SocketsService implements DaemonService {
  readonly name = 'sockets';
  /** GET with a path from portsPath(). */
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
  readonly #requests = { answered: 0, refused: 0 };
  readonly #shares = new PeerShares();
  /** Requests answered in this second, by user. */
  readonly #answered = new Map<string, number>();
  #answeredToUsers = 0;
  #secondBegan = 0;

  constructor(deps: SocketsServiceDeps) {
    this.#deps = deps;
  }

  // It keeps nothing open and has no settings.
  async start(): Promise<void> {}
  async stop(): Promise<void> {}
  check(): void {}
  async reload(): Promise<void> {}

  async status() {
    return { answered: this.#requests.answered, refused: this.#requests.refused };
  }

  async metrics(): Promise<readonly Metric[]> {
    return [
      {
        name: 'portreeve_sockets_requests_total',
        type: 'counter',
        help: 'Requests for the sockets of the host since the daemon started; refused: over the rate limit.',
        samples: Object.entries(this.#requests).map(([outcome, value]) => ({ labels: { outcome }, value })),
      },
    ];
  }

  #answer(request: IncomingMessage, response: ServerResponse): Promise<void> | void {
    const parsed = parsePortsPath(request.url ?? '');
    if (typeof parsed === 'string') {
      reply(response, 400, { error: parsed });
      return;
    }
    const peer = peerCredentials(request.socket);
    if (!peer) reply(response, 403, { error: "the kernel did not report the caller's credentials" });
    else if (this.#isElsewhere(parsed))
      reply(response, 409, { error: 'the caller is in another network or PID namespace' });
    else if (this.#isOverLimit(peer)) {
      this.#requests.refused++;
      reply(response, 503, { error: 'too many requests' });
    } else {
      this.#requests.answered++;
      return this.#reply(parsed, peer, response);
    }
  }

  #isElsewhere({ net = this.#here.net, pid = this.#here.pid }: PortsRequest): boolean {
    return net !== this.#here.net || pid !== this.#here.pid;
  }

  /** Reading the sockets blocks the daemon, so each user has a rate limit. */
  #isOverLimit(peer: PeerCredentials): boolean {
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

  async #reply(request: PortsRequest, peer: PeerCredentials, response: ServerResponse): Promise<void> {
    try {
      const { query, table } = request;
      const deps = this.#depsFor(peer);
      const answer = table ? portsTable(deps, query, table) : portsRecords(deps, query);
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
      names: () => this.#readNames(),
      interfaceName,
    };
  }

  /** Names rarely change, so they are cached for PORT_NAMES_AGE_MAX_MS. */
  #readNames(): ReturnType<PortsDeps['names']> {
    const now = performance.now();
    if (!this.#names || now - this.#namesFrom >= PORT_NAMES_AGE_MAX_MS) {
      this.#namesFrom = now;
      this.#names = namesBy(this.#deps.names);
    }
    return this.#names();
  }
}
