// Explains one port from collected facts: its holders, whether it can be bound and by which user, and its names.
import type { Protocol } from '../../../base/port.ts';
import type { ModeHere } from '../../../guard/core/mode-here.ts';
import { BAD_PORTS } from '../../../names/core/browser-ports.ts';
import { type DefaultRange, defaultRangesOf } from '../../../names/core/default-ranges.ts';
import type { IanaEntry, IanaRange, IanaStatus } from '../../../names/core/iana.ts';
import type { KernelPorts } from '../../../names/core/kernel-ports.ts';
import type { ServiceEntry } from '../../../names/core/services.ts';
import type { Stack } from '../../../names/core/stack.ts';
import { isEphemeralOn, isSystem, STACKS } from '../../../names/core/stacks.ts';
import type { RegisteredProgram } from '../../../portmap/core/registered-program.ts';
import type { Reservation } from '../../../profile/core/rules.ts';
import type { ListedSocket, SocketSnapshot } from '../../../sockets/core/socket-snapshot.ts';
import { type Answer, answerOf } from './answer.ts';
import { type Attempt, attemptsOn } from './attempts.ts';
import { type EphemeralAllocation, ephemeralAllocation } from './ephemeral-allocation.ts';
import { type Binder, type Permission, permissionOf } from './permission.ts';
import { groupSockets, type SocketGroup } from './socket-group.ts';

/** Binds of one job, user and program that the guard refused, or would have refused. */
export interface Refusals {
  readonly count: number;
  /** The latest, in milliseconds since 1970-01-01 UTC. */
  readonly latestMs: number;
  readonly verdict: 'refused' | 'observed';
  readonly job: string | undefined;
  readonly user: string | undefined;
  readonly command: string | undefined;
  readonly rule: { readonly file: string; readonly line: number } | undefined;
}

export interface PortNames {
  /** The entries of /etc/services. */
  readonly services: readonly ServiceEntry[];
  readonly iana: {
    readonly range: IanaRange;
    readonly status: IanaStatus;
    readonly entries: readonly IanaEntry[];
  };
  /** The RPC programs registered at the port; undefined where the port mapper could not be queried. */
  readonly registered: readonly RegisteredProgram[] | undefined;
}

/** The collected facts about a port and the calling user. */
export interface PortFacts {
  readonly port: number;
  readonly protocol: Protocol;
  /** The sockets of this port and protocol. */
  readonly seen: SocketSnapshot;
  readonly kernel: KernelPorts;
  readonly you: Binder;
  readonly root: Binder;
  /** Undefined where it could not be determined. */
  readonly guard: ModeHere | undefined;
  /** The revision of the profile in force; undefined where no profile was applied, or it could not be read. */
  readonly revision: number | undefined;
  /** The reservations of the profile in force that cover the port; undefined where it could not be read. */
  readonly reservations: readonly Reservation[] | undefined;
  readonly names: PortNames;
  /** Undefined where they could not be read. */
  readonly refusals: readonly Refusals[] | undefined;
  /** What could not be determined, and why: a sentence for each. */
  readonly unknown: readonly string[];
}

interface BinderPermission extends Binder {
  readonly permission: Permission;
}

export interface Explanation extends Omit<PortFacts, 'you' | 'root' | 'seen'> {
  readonly answer: Answer;
  readonly holders: readonly ListedSocket[];
  readonly attempts: readonly Attempt<SocketGroup>[];
  readonly allocation: EphemeralAllocation;
  readonly you: BinderPermission;
  readonly root: BinderPermission;
  /** The default ranges of well-known programs that contain the port. */
  readonly defaultRanges: readonly DefaultRange[];
  readonly systems: EphemeralSystems;
  /** The service for which browsers block the port; undefined where they do not. */
  readonly badPort: string | undefined;
}

/** Operating systems by whether the port is in their default ephemeral range. */
interface EphemeralSystems {
  readonly inside: readonly Stack[];
  /** Systems in common use only. */
  readonly outside: readonly Stack[];
}

export function explainPort(facts: PortFacts): Explanation {
  const { port, protocol, seen, kernel, guard, ...others } = facts;
  const policy = { isEnforced: guard === 'enforce', unprivilegedStart: kernel.unprivilegedStart };
  const withPermission = (binder: Binder): BinderPermission => ({
    ...binder,
    permission: permissionOf(port, binder, policy),
  });
  const attempts = attemptsOn(protocol, groupSockets(seen.sockets), facts.you.uid);
  const allocation = ephemeralAllocation(port, protocol, kernel);
  const you = withPermission(facts.you);
  const root = withPermission(facts.root);
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
    defaultRanges: defaultRangesOf(port, protocol),
    systems: systemsOf(port, protocol),
    badPort: BAD_PORTS.get(port),
  };
}

/** Without IANA, which has a range but is not a system. */
const SYSTEMS = STACKS.filter(isSystem);

function systemsOf(port: number, protocol: Protocol): EphemeralSystems {
  const isEphemeral = (stack: Stack) => isEphemeralOn(stack, port, protocol);
  return {
    inside: SYSTEMS.filter(isEphemeral),
    outside: SYSTEMS.filter((stack) => stack.group === 'today' && !isEphemeral(stack)),
  };
}
