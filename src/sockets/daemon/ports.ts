// Tells on look.sock who holds which port: what was seen of processes is remembered from one question to the next.
import { existsSync, readlinkSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { messageOf } from '../../base/errors.ts';
import {
  PORT_NAMES_AGE_MAX_MS,
  PORTS_LOOKS_PER_SECOND_MAX,
  PORTS_LOOKS_PER_USER_PER_SECOND_MAX,
} from '../../base/limits.ts';
import type { Files } from '../../host/host.ts';
import { cgroupsIfAny } from '../../host/linux/cgroups.ts';
import { linuxFiles } from '../../host/linux/files.ts';
import { interfaceName } from '../../host/linux/interface-name.ts';
import { type PeerCredentials, peerCredentials } from '../../host/linux/peer-credentials.ts';
import { PROFILE_DATABASE } from '../../host/linux/state-files.ts';
import { PeerShares } from '../../job/daemon/peer-shares.ts';
import { reply } from '../../kit/unix-http.ts';
import { registrationsAt } from '../../portmap/daemon/registrations.ts';
import { SqliteProfileArchive } from '../../profile/linux/profile-archive.ts';
import { namesBy, type PortsDoors, portsRecords, portsTable } from '../app/ports-answer.ts';
import { type PortsRequest, parsePortsPath } from '../app/ports-asked.ts';
import { LinuxOpenSockets } from '../linux/open-sockets.ts';

const SECOND_MS = 1000;

/** Where the daemon has its things. */
export interface PortsPlaces {
  /** The state directory. */
  readonly state: string;
  /** The files that say what users are called. */
  readonly files: Pick<Files, 'readText' | 'names'>;
  /** The Unix socket of our port mapper. */
  readonly portmap: () => string | undefined;
}

/** Answers GET with a path that portsPath() gives. */
export class PortsLook {
  readonly #sockets = new LinuxOpenSockets();
  readonly #here = { net: readlinkSync('/proc/self/ns/net'), pid: readlinkSync('/proc/self/ns/pid') };
  readonly #places: PortsPlaces;
  #names: PortsDoors['names'] | undefined;
  #namesFrom = Number.NEGATIVE_INFINITY;
  readonly #shares = new PeerShares();
  /** How often each user was answered in this second, and all but root together. */
  readonly #answered = new Map<string, number>();
  #answeredToUsers = 0;
  #secondBegan = 0;

  constructor(places: PortsPlaces) {
    this.#places = places;
  }

  readonly answer = (request: IncomingMessage, response: ServerResponse): Promise<void> | void => {
    const asked = parsePortsPath(request.url ?? '');
    if (typeof asked === 'string') {
      reply(response, 400, { error: asked });
      return;
    }
    const peer = peerCredentials(request.socket);
    if (!peer) reply(response, 403, { error: 'the kernel does not tell who asks' });
    else if (this.#isElsewhere(asked))
      reply(response, 409, { error: 'whoever asks is in another network or process namespace' });
    else if (this.#isTooMuch(peer)) reply(response, 503, { error: 'this is asked too often' });
    else return this.#tell(asked, peer, response);
  };

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
    if (count >= PORTS_LOOKS_PER_USER_PER_SECOND_MAX) return true;
    if (this.#answeredToUsers >= PORTS_LOOKS_PER_SECOND_MAX) return true;
    this.#answered.set(user, count + 1);
    this.#answeredToUsers++;
    return false;
  }

  async #tell(asked: PortsRequest, peer: PeerCredentials, response: ServerResponse): Promise<void> {
    try {
      const { question, table } = asked;
      const doors = this.#doorsFor(peer);
      const answer = table ? portsTable(doors, question, table) : portsRecords(doors, question);
      reply(response, 200, await answer);
    } catch (thrown) {
      reply(response, 500, { error: messageOf(thrown) });
    }
  }

  #doorsFor({ uid, gids: [gid = -1] }: PeerCredentials): PortsDoors {
    const sockets = this.#sockets.shownTo({ uid, gid });
    return {
      sockets,
      files: this.#places.files,
      cgroups: cgroupsIfAny(),
      names: () => this.#gather(),
      interfaceName,
    };
  }

  /** Names change seldom: they are gathered anew after a while. */
  #gather(): ReturnType<PortsDoors['names']> {
    const now = performance.now();
    if (!this.#names || now - this.#namesFrom >= PORT_NAMES_AGE_MAX_MS) {
      this.#namesFrom = now;
      const { state, portmap } = this.#places;
      const database = join(state, PROFILE_DATABASE);
      this.#names = namesBy({
        files: linuxFiles,
        registrations: async () => {
          const path = portmap();
          return path === undefined ? [] : await registrationsAt(path);
        },
        archive: async () => (existsSync(database) ? new SqliteProfileArchive(state) : undefined),
      });
    }
    return this.#names();
  }
}
