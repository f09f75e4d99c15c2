// All about one port, of facts that were gathered: who has it, who could have it, and what it is called.
import type { Protocol } from '../../../base/port.ts';
import type { ModeHere } from '../../../guard/core/mode-here.ts';
import { BAD_PORTS } from '../../../names/core/browser-ports.ts';
import { type DefaultRange, defaultRangesOf } from '../../../names/core/default-ranges.ts';
import type { IanaEntry, IanaRange, IanaStatus } from '../../../names/core/iana.ts';
import type { KernelPorts } from '../../../names/core/kernel-ports.ts';
import type { ServiceEntry } from '../../../names/core/services.ts';
import type { Stack } from '../../../names/core/stack.ts';
import { isEphemeralOn, STACKS } from '../../../names/core/stacks.ts';
import type { RegisteredProgram } from '../../../portmap/core/registered-program.ts';
import type { Reservation } from '../../../profile/core/rules.ts';
import type { Seen, SeenSocket } from '../../../sockets/core/seen.ts';
import { type AlikeSockets, alikeSockets } from './alike-sockets.ts';
import { type Answer, answerOf } from './answer.ts';
import { type Attempt, attemptsOn } from './attempts.ts';
import { type EphemeralAllocation, ephemeralAllocation } from './ephemeral-allocation.ts';
import { type Binder, type Permission, permissionOf } from './permission.ts';

/** Binds that the guard refused, or would have refused, of one job, user and program. */
export interface Refusals {
  readonly count: number;
  /** The latest, in milliseconds since 1970-01-01 UTC. */
  readonly latestMs: number;
  readonly verdict: 'refused' | 'observed';
  readonly job: string | undefined;
  readonly user: string | undefined;
  readonly command: string | undefined;
  /** The statement that said so. */
  readonly rule: { readonly file: string; readonly line: number } | undefined;
}

/** What a port is called, and who assigned it. */
export interface PortNames {
  /** The lines of /etc/services. */
  readonly services: readonly ServiceEntry[];
  readonly iana: {
    readonly range: IanaRange;
    readonly status: IanaStatus;
    readonly entries: readonly IanaEntry[];
  };
  /** What is registered there with the port mapper; undefined where it could not be asked. */
  readonly registered: readonly RegisteredProgram[] | undefined;
}

/** What is known about a port and about who asks. */
export interface PortFacts {
  readonly port: number;
  readonly protocol: Protocol;
  /** The sockets of this port and protocol. */
  readonly seen: Seen;
  readonly kernel: KernelPorts;
  readonly you: Binder;
  readonly root: Binder;
  /** Undefined where that could not be told. */
  readonly guard: ModeHere | undefined;
  /** The revision of the profile in force; undefined where none was applied, or it could not be read. */
  readonly revision: number | undefined;
  /** The reservations of the profile in force that cover the port; undefined where it could not be read. */
  readonly reservations: readonly Reservation[] | undefined;
  readonly names: PortNames;
  /** Undefined where they could not be read. */
  readonly refusals: readonly Refusals[] | undefined;
  /** What could not be looked at, and why: a sentence for each. */
  readonly unknown: readonly string[];
}

/** Whether somebody could have the port now. */
interface Standing extends Binder {
  readonly permission: Permission;
}

/** All of it. */
export interface Explanation extends Omit<PortFacts, 'you' | 'root' | 'seen'> {
  readonly answer: Answer;
  readonly holders: readonly SeenSocket[];
  readonly attempts: readonly Attempt<AlikeSockets>[];
  readonly allocation: EphemeralAllocation;
  readonly you: Standing;
  readonly root: Standing;
  /** The pools that programs choose from by themselves, where nobody has set others. */
  readonly pools: readonly DefaultRange[];
  readonly stacks: StacksSaid;
  /** What speaks there, if browsers refuse to fetch from it. */
  readonly badPort: string | undefined;
}

/** On which systems a server is safe from clients there, where nobody has changed their ranges. */
interface StacksSaid {
  /** Those that give the port to clients. */
  readonly ephemeralOn: readonly Stack[];
  /** Those of today that do not. */
  readonly safe: readonly Stack[];
}

/** Explains. */
export function explainPort(facts: PortFacts): Explanation {
  const { port, protocol, seen, kernel, guard, ...others } = facts;
  const judges = { isEnforced: guard === 'enforce', unprivilegedStart: kernel.unprivilegedStart };
  const standing = (binder: Binder): Standing => ({
    ...binder,
    permission: permissionOf(port, binder, judges),
  });
  const attempts = attemptsOn(protocol, alikeSockets(seen.sockets), facts.you.uid);
  const allocation = ephemeralAllocation(port, protocol, kernel);
  const you = standing(facts.you);
  const root = standing(facts.root);
  const answer = answerOf({ port, protocol, attempts, allocation, you, root, kernel });
  return {
    ...others,
    port,
    protocol,
    kernel,
    guard,
    answer,
    holders: seen.sockets,
    attempts,
    allocation,
    you,
    root,
    pools: defaultRangesOf(port, protocol),
    stacks: stacksOf(port, protocol),
    badPort: BAD_PORTS.get(port),
  };
}

function stacksOf(port: number, protocol: Protocol): StacksSaid {
  const gives = (stack: Stack) => isEphemeralOn(stack, port, protocol);
  return {
    ephemeralOn: STACKS.filter(gives),
    safe: STACKS.filter((stack) => stack.group === 'today' && !gives(stack)),
  };
}
