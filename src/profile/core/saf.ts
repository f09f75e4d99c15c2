// Who may use the ports behind SAF: access to EZB.PORTACCESS.sysname.tcpname.resname, for the users of this host.
import type { Group } from '../../text/group.ts';
import type { Account } from '../../text/passwd.ts';
import type { Finding } from '../../text/source.ts';
import type { Access, RacfCommand } from '../text/racf.ts';
import type { RuleSource } from './rules.ts';
import { carryOut, few, type Grant, type SafProfile } from './saf-database.ts';
import { covers, ProfileIndex } from './saf-profiles.ts';

interface SafHost {
  readonly accounts: readonly Account[];
  readonly groups: readonly Group[];
  /** The second and third qualifier behind EZB; small letters become capitals. */
  readonly sysname: string;
  readonly tcpname: string;
}

/** Whether someone is permitted: READ or more. */
export interface SafAnswer {
  readonly permitted: boolean;
  readonly access: Access;
  /** The command that said so; undefined where no profile covers the resource. */
  readonly source: RuleSource | undefined;
}

/** Who is permitted to one resource. */
interface SafResource {
  readonly name: string;
  /** The profile that counts; undefined if none covers the resource. */
  readonly profile: string | undefined;
  /** Users with an entry of their own. */
  readonly uids: ReadonlyMap<number, SafAnswer>;
  /** Groups with an entry. */
  readonly gids: ReadonlyMap<number, SafAnswer>;
  /** Whom neither is about. */
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

/** To a resource that no profile covers no one has access. */
const NOT_COVERED: SafAnswer = { permitted: false, access: 'NONE', source: undefined };

/**
 * The access lists of a host. Names are looked up once, when the table is made: whoever changes passwd(5) or group(5)
 * makes a new one. Root is a user like the others.
 */
export class SafTable {
  /** What is wrong with the commands, or hardly meant. */
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
    this.#uidsNamed = gathered(accounts.map(({ name, uid }) => [name.toUpperCase(), uid]));
    this.#gidsNamed = gathered(groups.map(({ name, gid }) => [name.toUpperCase(), gid]));
    this.#gidsOf = gathered([
      ...accounts.map(({ name, gid }): Named => [name, gid]),
      ...groups.flatMap(({ gid, members }) => members.map((member): Named => [member, gid])),
    ]);
    // Any resname: the last qualifier is left open.
    const anyResource = [...this.#prefix.split('.').slice(0, -1), undefined];
    const concerns = (profile: string): boolean => covers(profile, anyResource);
    const { profiles, findings } = carryOut(commands, concerns);
    this.#profiles = new ProfileIndex(profiles);
    this.findings = [...findings, ...this.#unknownIds(profiles), ...this.#otherStacks(commands, concerns)];
  }

  /** Whether a user in these groups is permitted to a resource; `resname` is in capitals. */
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

  /** Who is permitted to a resource; `resname` is in capitals. */
  resource(resname: string): SafResource {
    let resource = this.#resources.get(resname);
    if (!resource) {
      resource = this.#compiled(resname);
      this.#resources.set(resname, resource);
    }
    return resource;
  }

  /**
   * The users of this host about whom an entry says something, for themselves or for a group of theirs, and whether
   * they are permitted; and whether everyone else is. Where accounts share a uid, all of them must be.
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
      // Of names that share a number, the least counts for users, as no one can tell which of them it is.
      for (const uid of this.#uidsNamed.get(id) ?? []) keep(uids, uid, answer, -1);
      for (const gid of this.#gidsNamed.get(id) ?? []) keep(gids, gid, answer, 1);
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
      message: `this host has no user and no group ${few(ids)}`,
      hint: 'Users are those of passwd(5), groups those of group(5); capitals and small letters are the same.',
      place,
    }));
  }

  #otherStacks(commands: readonly RacfCommand[], concerns: (profile: string) => boolean): Finding[] {
    const others = commands.flatMap((command) => {
      if (command.kind !== 'RDEFINE') return [];
      const names = command.profiles.filter((name) => name.startsWith('EZB.PORTACCESS.') && !concerns(name));
      return names.map((name) => ({ name, place: command.place }));
    });
    const [first] = others;
    if (!first) return [];
    const message = `${few(others.map(({ name }) => name))} can cover no port of this host`;
    const hint = `The resources of this host are ${this.#prefix}resname.`;
    return [{ severity: 'notice', code: 'SAF_OTHER_STACK', message, hint, place: first.place }];
  }
}

type Named = readonly [name: string, id: number];

function gathered(pairs: readonly Named[]): Map<string, number[]> {
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

/** Keeps the higher (1) or the lower (-1) of two answers. */
function keep(answers: Map<number, SafAnswer>, id: number, answer: SafAnswer, direction: 1 | -1): void {
  const known = answers.get(id);
  if (!known || direction * (RANK[answer.access] - RANK[known.access]) > 0) answers.set(id, answer);
}
