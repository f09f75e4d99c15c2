// The port ranges of operating systems: which ports each gives to clients, and how that is seen and changed there.
import type { Protocol } from '../../base/port.ts';
import type { Stack } from './stack.ts';
import { PAST_STACKS } from './stacks-past.ts';
import { PRESENT_STACKS } from './stacks-present.ts';

/** Those that are met today first. */
export const STACKS: readonly Stack[] = [...PRESENT_STACKS, ...PAST_STACKS];

/** What may stand for several of them. */
const STACK_GROUPS = ['today', 'all'] as const;

/**
 * The systems that a word stands for: `today`, `all`, or the id or an alias of one, in any case. Undefined for a word
 * that means none.
 */
export function stacksNamed(word: string): readonly Stack[] | undefined {
  const name = word.toLowerCase();
  if (name === 'all') return STACKS;
  if (name === 'today') return STACKS.filter(({ group }) => group === 'today');
  const found = STACKS.find(({ id, aliases }) => id === name || aliases.includes(name));
  return found && [found];
}

/** Every word that stacksNamed knows. */
export function stackWords(): string[] {
  return [...STACK_GROUPS, ...STACKS.flatMap(({ id, aliases }) => [id, ...aliases])];
}

/** What is no system, but what every system is asked to do. */
const NO_SYSTEM = 'iana';

/** Whether it is a system that one can meet. */
export function isSystem({ id }: Stack): boolean {
  return id !== NO_SYSTEM;
}

/** Whether a system gives a port to clients by itself. */
export function isEphemeralOn({ ephemeral }: Stack, port: number, protocol: Protocol): boolean {
  const { first, last } = ephemeral[protocol];
  return first <= port && port <= last;
}
