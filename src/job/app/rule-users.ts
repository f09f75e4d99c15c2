// Users for commands that change or compare rules: known users, and those that the rules name.

import { type PortreeveError, requireFailure } from '../../base/errors.ts';
import {
  DraftUserArchive,
  HostUsers,
  queryUsers,
  type UserQueryDeps,
  type UserRequest,
} from './host-users.ts';
import type { UserFiles } from './users.ts';

export interface RuleUsersDeps extends Omit<UserQueryDeps, 'isGone'> {
  readonly files: UserFiles;
}

export class RuleUsers {
  /** The host's files, including archived users and groups. */
  readonly files: HostUsers;
  readonly #deps: RuleUsersDeps;

  /** With `isDraft` answers are not stored. */
  constructor(deps: RuleUsersDeps, isDraft: boolean) {
    this.#deps = isDraft ? { ...deps, archive: new DraftUserArchive(deps.archive) } : deps;
    this.files = new HostUsers(this.#deps);
  }

  /** Queries the names in rules. Returns the error if there is no answer; known users then remain valid. */
  async query(wanted: Pick<UserRequest, 'names' | 'ids'>): Promise<PortreeveError | undefined> {
    try {
      await queryUsers(this.#deps, { ...wanted, uids: [], isRefresh: true });
      return undefined;
    } catch (thrown) {
      return requireFailure(thrown);
    }
  }
}
