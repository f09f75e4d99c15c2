// Users that only the user database (NSS) of a sandbox knows, from the module libnss-extrausers.
import assert from 'node:assert/strict';
import { copyFile } from 'node:fs/promises';
import type { Sandbox } from './sandbox.ts';

const EXTRA = '/var/lib/extrausers';
const MODULE_DIRECTORY = '/run/peers/usr/lib';
const SERVICES = 'hosts: files\nservices: files\nprotocols: files\nrpc: files\n';
/** A sandbox has no ld.so.conf, so the directories are listed here. */
const LDCONFIG = `ldconfig -X -f /dev/null /usr/local/lib ${MODULE_DIRECTORY}`;

/** Requires a sandbox with peers. */
export class Nss {
  readonly #sandbox: Sandbox;

  private constructor(sandbox: Sandbox) {
    this.#sandbox = sandbox;
  }

  /** Adds the module after the files. */
  static async open(sandbox: Sandbox): Promise<Nss> {
    const nss = new Nss(sandbox);
    await nss.users({});
    await nss.groups({});
    await nss.#sources('files extrausers');
    await nss.#must(LDCONFIG);
    return nss;
  }

  /** Replaces the users, by uid. The gid of each is equal to its uid. */
  async users(uids: Readonly<Record<string, number>>): Promise<void> {
    const lines = Object.entries(uids).map(([name, uid]) => `${name}:x:${uid}:${uid}::/:/bin/sh\n`);
    await this.#put('passwd', lines.join(''));
  }

  /** Replaces the groups and their members; the first has gid 30000. */
  async groups(members: Readonly<Record<string, readonly string[]>>): Promise<void> {
    const lines = Object.entries(members).map(([name, all], at) => `${name}:x:${30_000 + at}:${all}\n`);
    await this.#put('group', lines.join(''));
  }

  /** Removes the module: the database then does not know its users, and does not report an error. */
  async remove(): Promise<void> {
    await copyFile('/etc/ld.so.cache', this.#sandbox.path('/etc/ld.so.cache'));
  }

  /** Makes queries block, as with a server that does not answer. */
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
