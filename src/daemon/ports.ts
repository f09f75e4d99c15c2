// Tells on look.sock who holds which port: what was seen of processes is remembered from one question to the next.
import { readlinkSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { portsSeen } from '../app/doctor/port-records.ts';
import { type PortsQuestion, parsePortsPath, seePorts } from '../app/doctor/ports-asked.ts';
import { messageOf } from '../base/errors.ts';
import { PORTS_LOOKS_PER_SECOND_MAX } from '../base/limits.ts';
import { cgroupsIfAny } from '../host/linux/cgroups.ts';
import { readText } from '../host/linux/files.ts';
import { LinuxOpenSockets } from '../host/linux/open-sockets.ts';
import { type PeerCredentials, peerCredentials } from '../host/linux/peer-credentials.ts';
import { reply } from './unix-http.ts';

const SECOND_MS = 1000;

/** Answers GET with a path that portsPath() gives. */
export class PortsLook {
  readonly #sockets = new LinuxOpenSockets();
  readonly #here = { net: readlinkSync('/proc/self/ns/net'), pid: readlinkSync('/proc/self/ns/pid') };
  /** How often each user was answered in this second. */
  readonly #answered = new Map<number, number>();
  #secondBegan = 0;

  readonly answer = (request: IncomingMessage, response: ServerResponse): void => {
    const question = parsePortsPath(request.url ?? '');
    if (typeof question === 'string') {
      reply(response, 400, { error: question });
      return;
    }
    const peer = peerCredentials(request.socket);
    if (!peer) reply(response, 403, { error: 'the kernel does not tell who asks' });
    else if (this.#isElsewhere(question))
      reply(response, 409, { error: 'whoever asks is in another network or process namespace' });
    else if (this.#isTooMuch(peer.uid)) reply(response, 503, { error: 'this user asks too often' });
    else this.#tell(question, peer, response);
  };

  #isElsewhere({ from: { net = this.#here.net, pid = this.#here.pid } }: PortsQuestion): boolean {
    return net !== this.#here.net || pid !== this.#here.pid;
  }

  /** To look takes a while, in which nothing else is done. */
  #isTooMuch(uid: number): boolean {
    const now = performance.now();
    if (now - this.#secondBegan >= SECOND_MS) {
      this.#secondBegan = now;
      this.#answered.clear();
    }
    const count = (this.#answered.get(uid) ?? 0) + 1;
    this.#answered.set(uid, count);
    return uid !== 0 && count > PORTS_LOOKS_PER_SECOND_MAX;
  }

  #tell(question: PortsQuestion, { uid, gids: [gid = -1] }: PeerCredentials, response: ServerResponse): void {
    try {
      const sockets = this.#sockets.shownTo({ uid, gid });
      const seen = seePorts({ sockets, files: { readText }, cgroups: cgroupsIfAny() }, question);
      reply(response, 200, portsSeen(seen, question.isFull));
    } catch (thrown) {
      reply(response, 500, { error: messageOf(thrown) });
    }
  }
}
