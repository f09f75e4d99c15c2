// The ephemeral ranges of operating systems, and the commands that show and change them.
import type { Protocol } from '../../base/port.ts';
import type { Stack } from './stack.ts';
import { PAST_STACKS } from './stacks-past.ts';
import { PRESENT_STACKS } from './stacks-present.ts';

/** Those in use today first. */
export const STACKS: readonly Stack[] = [...PRESENT_STACKS, ...PAST_STACKS];

/** Words for several systems. */
const STACK_GROUPS = ['today', 'all'] as const;

/**
 * The systems of a word: `today`, `all`, or an id or alias, in any case; undefined if it is unknown.
 */
export function stacksNamed(word: string): readonly Stack[] | undefined {
  const name = word.toLowerCase();
  if (name === 'all') return STACKS;
  if (name === 'today') return STACKS.filter(({ group }) => group === 'today');
  const found = STACKS.find(({ id, aliases }) => id === name || aliases.includes(name));
  return found && [found];
}

/** Every word that stacksNamed() accepts. */
export function stackWords(): string[] {
  return [...STACK_GROUPS, ...STACKS.flatMap(({ id, aliases }) => [id, ...aliases])];
}

/** A recommendation, not a system. */
const RECOMMENDATION = 'iana';

export function isSystem({ id }: Stack): boolean {
  return id !== RECOMMENDATION;
}

/** Whether a port is in the ephemeral range of a system. */
export function isEphemeralOn({ ephemeral }: Stack, port: number, protocol: Protocol): boolean {
  const { first, last } = ephemeral[protocol];
  return first <= port && port <= last;
}
