// Access of the users of this host to the SAF resources of ports, EZB.PORTACCESS.sysname.tcpname.resname.
import type { Group } from '../../text/group.ts';
import type { Account } from '../../text/passwd.ts';
import type { Finding } from '../../text/source.ts';
import type { Access, RacfCommand } from '../text/racf.ts';
import type { RuleSource } from './rules.ts';
import { executeCommands, type Grant, type SafProfile, shortList } from './saf-database.ts';
import { covers, ProfileIndex } from './saf-profiles.ts';

interface SafHost {
  readonly accounts: readonly Account[];
  readonly groups: readonly Group[];
  /** The third and fourth qualifier; converted to upper case. */
  readonly sysname: string;
  readonly tcpname: string;
}

/** `permitted` is READ access or higher. */
export interface SafAnswer {
  readonly permitted: boolean;
  readonly access: Access;
  /** The command that decided; undefined if no profile covers the resource. */
  readonly source: RuleSource | undefined;
}

/** The access list of one resource. */
interface SafResource {
  readonly name: string;
  /** The profile that applies; undefined if none covers the resource. */
  readonly profile: string | undefined;
  /** Users with an entry of their own. */
  readonly uids: ReadonlyMap<number, SafAnswer>;
  /** Groups with an entry. */
  readonly gids: ReadonlyMap<number, SafAnswer>;
  /** Users without an entry. */
  readonly everyone: SafAnswer;
}

const RANK: Readonly<Record<Access, number>> = {
  NONE: 0,
  EXECUTE: 1,
  READ: 2,
  UPDATE: 3,
  CONTROL: 4,
  ALTER: 5,
};

/** No user has access to a resource that no profile covers. */
const NOT_COVERED: SafAnswer = { permitted: false, access: 'NONE', source: undefined };

/**
 * The access lists of a host. Names are resolved once, in the constructor: after a change of passwd(5) or group(5) a
 * new table is needed. Root has no special access.
 */
export class SafTable {
  /** Errors in the commands, and probable mistakes. */
  readonly findings: readonly Finding[];
  readonly #prefix: string;
  readonly #profiles: ProfileIndex<SafProfile>;
  readonly #uidsNamed: ReadonlyMap<string, readonly number[]>;
  readonly #gidsNamed: ReadonlyMap<string, readonly number[]>;
  readonly #accounts: readonly Account[];
  readonly #gidsOf: ReadonlyMap<string, readonly number[]>;
  readonly #resources = new Map<string, SafResource>();

  constructor(commands: readonly RacfCommand[], { accounts, groups, sysname, tcpname }: SafHost) {
    this.#prefix = `EZB.PORTACCESS.${sysname.toUpperCase()}.${tcpname.toUpperCase()}.`;
    this.#accounts = accounts;
    this.#uidsNamed = idsByName(accounts.map(({ name, uid }) => [name.toUpperCase(), uid]));
    this.#gidsNamed = idsByName(groups.map(({ name, gid }) => [name.toUpperCase(), gid]));
    this.#gidsOf = idsByName([
      ...accounts.map(({ name, gid }): Named => [name, gid]),
      ...groups.flatMap(({ gid, members }) => members.map((member): Named => [member, gid])),
    ]);
    // Any resname: the last qualifier is undefined.
    const anyResource = [...this.#prefix.split('.').slice(0, -1), undefined];
    const isRelevant = (profile: string): boolean => covers(profile, anyResource);
    const { profiles, findings } = executeCommands(commands, isRelevant);
    this.#profiles = new ProfileIndex(profiles);
    this.findings = [...findings, ...this.#unknownIds(profiles), ...this.#otherStacks(commands, isRelevant)];
  }

  /** The access of a user in these groups to a resource; `resname` is in upper case. */
  check(resname: string, uid: number, groups: readonly number[]): SafAnswer {
    const { uids, gids, everyone } = this.resource(resname);
    const own = uids.get(uid);
    if (own) return own;
    if (gids.size === 0) return everyone;
    let best: SafAnswer | undefined;
    for (const gid of groups) {
      const answer = gids.get(gid);
      if (answer && (!best || RANK[answer.access] > RANK[best.access])) best = answer;
    }
    return best ?? everyone;
  }

  /** The access list of a resource; `resname` is in upper case. */
  resource(resname: string): SafResource {
    let resource = this.#resources.get(resname);
    if (!resource) {
      resource = this.#compiled(resname);
      this.#resources.set(resname, resource);
    }
    return resource;
  }

  /**
   * Whether each user of this host with an entry, of its own or of one of its groups, is permitted, and whether every
   * other user is. A uid shared by several accounts is permitted only if all of them are.
   */
  permittedUids(resname: string): {
    readonly uids: ReadonlyMap<number, boolean>;
    readonly everyone: boolean;
  } {
    const { everyone } = this.resource(resname);
    const verdicts = new Map<number, boolean>();
    const named = new Set<number>();
    for (const { name, uid } of this.#accounts) {
      const answer = this.check(resname, uid, this.#gidsOf.get(name) ?? []);
      verdicts.set(uid, answer.permitted && (verdicts.get(uid) ?? true));
      if (answer !== everyone) named.add(uid);
    }
    const uids = new Map([...verdicts].filter(([uid]) => named.has(uid)));
    return { uids, everyone: everyone.permitted };
  }

  #compiled(resname: string): SafResource {
    const name = this.#prefix + resname;
    const profile = this.#profiles.best(name);
    const uids = new Map<number, SafAnswer>();
    const gids = new Map<number, SafAnswer>();
    if (!profile) return { name, profile: undefined, uids, gids, everyone: NOT_COVERED };
    for (const [id, grant] of profile.entries) {
      const answer = answerOf(grant);
      // A uid with several names gets the lowest access of them, since the kernel reports only the uid.
      for (const uid of this.#uidsNamed.get(id) ?? []) setIfBetter(uids, uid, answer, -1);
      for (const gid of this.#gidsNamed.get(id) ?? []) setIfBetter(gids, gid, answer, 1);
    }
    const everyone = answerOf(profile.entries.get('*') ?? profile.uacc);
    return { name, profile: profile.name, uids, gids, everyone };
  }

  #unknownIds(profiles: readonly SafProfile[]): Finding[] {
    const unknown = new Map<RacfCommand, string[]>();
    for (const { entries } of profiles) {
      for (const [id, { command }] of entries) {
        if (id === '*' || this.#uidsNamed.has(id) || this.#gidsNamed.has(id)) continue;
        const ids = unknown.get(command);
        if (ids) ids.push(id);
        else unknown.set(command, [id]);
      }
    }
    return [...unknown].map(([{ place }, ids]) => ({
      severity: 'warning',
      code: 'SAF_ID_UNKNOWN',
      zos: 'ICH06007I',
      message: `no user or group of this host is named ${shortList(ids)}`,
      hint: 'Users and groups are those of passwd(5) and group(5), in upper or lower case.',
      place,
    }));
  }

  #otherStacks(commands: readonly RacfCommand[], isRelevant: (profile: string) => boolean): Finding[] {
    const others = commands.flatMap((command) => {
      if (command.kind !== 'RDEFINE') return [];
      const names = command.profiles.filter(
        (name) => name.startsWith('EZB.PORTACCESS.') && !isRelevant(name),
      );
      return names.map((name) => ({ name, place: command.place }));
    });
    const [first] = others;
    if (!first) return [];
    const message = `${shortList(others.map(({ name }) => name))} cannot cover a port of this host`;
    const hint = `Resources of this host are named ${this.#prefix}resname.`;
    return [{ severity: 'notice', code: 'SAF_OTHER_STACK', message, hint, place: first.place }];
  }
}

type Named = readonly [name: string, id: number];

function idsByName(pairs: readonly Named[]): Map<string, number[]> {
  const ids = new Map<string, number[]>();
  for (const [name, id] of pairs) {
    const known = ids.get(name);
    if (known) known.push(id);
    else ids.set(name, [id]);
  }
  return ids;
}

function answerOf({ access, source }: Grant): SafAnswer {
  return { permitted: RANK[access] >= RANK.READ, access, source };
}

/** Keeps the higher (1) or the lower (-1) of two access levels. */
function setIfBetter(
  answers: Map<number, SafAnswer>,
  id: number,
  answer: SafAnswer,
  direction: 1 | -1,
): void {
  const known = answers.get(id);
  if (!known || direction * (RANK[answer.access] - RANK[known.access]) > 0) answers.set(id, answer);
}
