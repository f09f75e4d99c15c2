// The commands that look at the ports of this host: each is declared here and loaded when it is given.
import type { Command } from 'commander';
import type { Surroundings } from './command.ts';

/** `portreeve ports`, `who`, `explain`, `stacks`, `suggest`, `doctor` and `demo`. */
export function addLook(_program: Command, _surroundings: Surroundings): void {}
