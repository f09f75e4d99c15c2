// Users whom only the user database (NSS) knows, in a world: libnss-extrausers has them in a file of its own.
import assert from 'node:assert/strict';
import { copyFile } from 'node:fs/promises';
import type { Sandbox } from './sandbox.ts';

const EXTRA = '/var/lib/extrausers';
const MODULE_DIRECTORY = '/run/peers/usr/lib';
const SERVICES = 'hosts: files\nservices: files\nprotocols: files\nrpc: files\n';
/** Where the machine's own libraries are, in a world that has no file that says so. */
const LDCONFIG = `ldconfig -X -f /dev/null /usr/local/lib ${MODULE_DIRECTORY}`;

/** The user database of a world that has peers. */
export class Nss {
  readonly #sandbox: Sandbox;

  private constructor(sandbox: Sandbox) {
    this.#sandbox = sandbox;
  }

  /** Has it ask the module behind the files. */
  static async open(sandbox: Sandbox): Promise<Nss> {
    const nss = new Nss(sandbox);
    await nss.users({});
    await nss.groups({});
    await nss.#sources('files extrausers');
    await nss.#must(LDCONFIG);
    return nss;
  }

  /** Who there is, by uid: everybody is in the group of that number. */
  async users(uids: Readonly<Record<string, number>>): Promise<void> {
    const lines = Object.entries(uids).map(([name, uid]) => `${name}:x:${uid}:${uid}::/:/bin/sh\n`);
    await this.#put('passwd', lines.join(''));
  }

  /** Which groups there are, with their members; the first has gid 30000. */
  async groups(members: Readonly<Record<string, readonly string[]>>): Promise<void> {
    const lines = Object.entries(members).map(([name, all], at) => `${name}:x:${30_000 + at}:${all}\n`);
    await this.#put('group', lines.join(''));
  }

  /** The module is not there any more: the database knows nobody else, and says no more than that. */
  async remove(): Promise<void> {
    await copyFile('/etc/ld.so.cache', this.#sandbox.path('/etc/ld.so.cache'));
  }

  /** Whoever asks it waits, as for a server that does not answer. */
  async hang(): Promise<void> {
    await this.#must(`cd ${EXTRA} && rm -f passwd group && mkfifo passwd group`);
  }

  async #put(file: string, text: string): Promise<void> {
    await this.#must(`mkdir -p ${EXTRA} && rm -f ${EXTRA}/${file}`);
    await this.#sandbox.write(`${EXTRA}/${file}`, text);
  }

  #sources(sources: string): Promise<void> {
    return this.#sandbox.write('/etc/nsswitch.conf', `passwd: ${sources}\ngroup: ${sources}\n${SERVICES}`);
  }

  async #must(script: string): Promise<void> {
    const { code, stderr } = await this.#sandbox.run(['sh', '-ec', script], { env: { LD_LIBRARY_PATH: '' } });
    assert.equal(code, 0, stderr);
  }
}
