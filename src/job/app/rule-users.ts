// The users for a command that changes or compares rules: those that are known, and those that the rules name.

import { type PortreeveError, requireFailure } from '../../base/errors.ts';
import { type AskDeps, askUsers, DraftUserArchive, HostUsers, type UserRequest } from './host-users.ts';
import type { UserFiles } from './users.ts';

export interface RuleUsersDeps extends Omit<AskDeps, 'isGone'> {
  readonly files: UserFiles;
}

/** The users of this host, and how the user database is asked for others. */
export class RuleUsers {
  /** The files of the host, with a line for every user and group that is known. */
  readonly files: HostUsers;
  readonly #deps: RuleUsersDeps;

  /** With `isDraft` no answer is written down. */
  constructor(deps: RuleUsersDeps, isDraft: boolean) {
    this.#deps = isDraft ? { ...deps, archive: new DraftUserArchive(deps.archive) } : deps;
    this.files = new HostUsers(this.#deps);
  }

  /** Asks who the names in some rules are. Returns why there is no answer; what is known counts then. */
  async ask(wanted: Pick<UserRequest, 'names' | 'ids'>): Promise<PortreeveError | undefined> {
    try {
      await askUsers(this.#deps, { ...wanted, uids: [], isRefresh: true });
      return undefined;
    } catch (thrown) {
      return requireFailure(thrown);
    }
  }
}
