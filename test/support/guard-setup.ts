// The users of the guard's tests, their jobs, and one Python program that binds as each of them.
import type { TestContext } from 'node:test';
import { type AgentBind, type AgentUser, BindAgent } from './bind-agent.ts';
import { GuardFixture, guardReady, type InForce } from './guard.ts';
import { needs, probe } from './probe.ts';

export const ROOT: AgentUser = {};
export const WEB: AgentUser = { uid: 1000 };
export const ALICE: AgentUser = { uid: 1001 };
export const FTPD: AgentUser = { uid: 1002 };
/** A user without a job. */
export const NEW: AgentUser = { uid: 4711 };

/** Their jobs. */
export const USERS = [
  [0, 'ROOT'],
  [1000, 'WEB'],
  [1001, 'ALICE'],
  [1002, 'FTPD1'],
] as const;

/** All addresses, as an allowed socket has them. */
export const BOUND = '0.0.0.0';
export const BOUND6 = '::';
export const TCP6 = { socket: 'tcp6', address: '::' } as const;
export const UDP6 = { socket: 'udp6', address: '::' } as const;
export const UDP = { socket: 'udp4' } as const;

export interface Setup {
  readonly fixture: GuardFixture;
  readonly agent: BindAgent;
  /** Puts a profile in force, in which the users have the jobs above. */
  readonly inForce: (text: string, options?: InForce) => void;
  /** A TCP bind to all IPv4 addresses: the errno, or the bound address. */
  readonly bind: (port: number, user?: AgentUser, more?: Partial<AgentBind>) => Promise<string>;
}

/** A TCP bind to all IPv4 addresses, changed by `more`. */
export function bindBy(
  agent: BindAgent,
  port: number,
  user?: AgentUser,
  more?: Partial<AgentBind>,
): Promise<string> {
  return agent.bindOne({ socket: 'tcp4', address: '0.0.0.0', port, ...more }, user);
}

/** A setup that ends with the test; undefined where the machine does not support it, and the test is skipped. */
export async function setup(t: TestContext): Promise<Setup | undefined> {
  if (!guardReady(t) || !needs(t, probe.command('python3'))) return undefined;
  const fixture = await GuardFixture.open(t);
  const agent = await BindAgent.on(fixture);
  return {
    fixture,
    agent,
    inForce: (text, options) => {
      fixture.inForce(text, { users: USERS }, options);
    },
    bind: (port, user, more) => bindBy(agent, port, user, more),
  };
}
