// Runs one benchmark: `npm run bench -- NAME [OPTIONS]`.  Exit status 0: all limits were met; 1: one was missed; 2:
// usage error; 3: this machine cannot run it.

import { EXIT_CODES, PortreeveError } from '../src/base/errors.ts';
import type { Benchmark } from './benchmark.ts';
import { start } from './commands.ts';
import { doctor } from './doctor.ts';
import { guard } from './guard.ts';
import { portmap } from './portmap.ts';
import { profile } from './profile.ts';

const BENCHMARKS: Readonly<Record<string, Benchmark>> = { portmap, profile, guard, doctor, start };

/** Exiting through process.exit() ends child processes and removes temporary files. */
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

function usage(): string {
  const entries = Object.entries(BENCHMARKS).flatMap(([name, { about, options }]) => [
    `  ${name}  ${about}`,
    ...options.map((option) => `      ${option}`),
  ]);
  return ['usage: npm run bench -- NAME [OPTIONS]', '', ...entries, ''].join('\n');
}

async function main([name = '', ...args]: readonly string[]): Promise<number> {
  const benchmark = BENCHMARKS[name];
  if (benchmark === undefined) {
    process.stderr.write(usage());
    return EXIT_CODES.usage;
  }
  try {
    return (await benchmark.run(args)) ? 0 : 1;
  } catch (thrown) {
    if (!(thrown instanceof PortreeveError)) throw thrown;
    process.stderr.write(`bench ${name}: ${thrown.message}\n${thrown.hint}\n`);
    return EXIT_CODES[thrown.kind];
  }
}

process.exitCode = await main(process.argv.slice(2));
