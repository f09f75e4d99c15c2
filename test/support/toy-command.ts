// A command of a made-up feature, which records its calls.

import { type Command, command } from '../../src/kit/command.ts';
import { JSON_OUTPUT } from '../../src/kit/options.ts';

/** The arguments of a call. Compiles only if the inferred types are correct. */
export interface ToyCall {
  readonly color: 'red' | 'blue';
  readonly parts: readonly string[];
  readonly size: string;
  readonly wheel: readonly string[] | undefined;
  readonly manual: string | undefined;
  readonly json: boolean | undefined;
}

/** It is in a command group of another feature, and exits with 1. */
export function toyCommand(calls: ToyCall[]): Command {
  return command({
    path: ['profile', 'toy'],
    summary: 'assemble a toy',
    arguments: {
      color: { help: 'its color', choices: ['red', 'blue'] },
      part: { help: 'what it consists of', optional: true, repeatable: true },
    },
    options: {
      size: { value: 'size', help: 'how large it is', choices: ['small', 'large'], default: 'small' },
      frontWheel: { value: 'wheel', help: 'a wheel; may be repeated', repeatable: true },
      manual: { value: 'file', help: 'its manual', completion: 'file', defaultText: 'none' },
      json: { ...JSON_OUTPUT, excludes: ['manual'] },
      secret: { help: 'a hidden option', hidden: true },
    },
    help: 'Exit status 1.',
    examples: ['portreeve profile toy red'],
    run: ({ color, part }, { size, frontWheel: wheel, manual, json }, io) => {
      calls.push({ color, parts: part, size, wheel, manual, json });
      io.out('assembled\n');
      return 1;
    },
  });
}
