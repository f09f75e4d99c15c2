/**
 * Operations on the settings of the kernel, performed by portreeve's code only in the network namespace of a sandbox:
 * this file is also the program that performs them, and it refuses the namespace of its parent process.
 */

import assert from 'node:assert/strict';
import { readlinkSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { PortreeveError } from '../../src/base/errors.ts';
import { SysctlKeeper } from '../../src/guard/app/sysctl-keeper.ts';
import { SysctlRecordFile } from '../../src/host/linux/sysctl-record.ts';
import { linuxSysctls } from '../../src/host/linux/sysctls.ts';
import type { Profile } from '../../src/profile/core/rules.ts';
import type { Sandbox } from './sandbox.ts';

export type Step =
  | { readonly do: 'read'; readonly name: string }
  | { readonly do: 'write'; readonly name: string; readonly value: string }
  | { readonly do: 'apply'; readonly profile: Profile }
  | { readonly do: 'restore' };

/** The result of an operation: the value that was read, the codes of the notes, or the code of the error. */
export interface StepResult {
  readonly value?: string;
  readonly notes?: readonly string[];
  readonly error?: string;
}

const NETWORK = '/proc/self/ns/net';
const STATE = '/run/portreeve-state';

/** Performs the operations in a sandbox; each run is a separate process. */
export async function inSandbox(sandbox: Sandbox, steps: readonly Step[]): Promise<StepResult[]> {
  const argv = [process.execPath, import.meta.filename, readlinkSync(NETWORK)];
  const { code, stdout, stderr } = await sandbox.run(argv, { input: JSON.stringify(steps), timeout: 60_000 });
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

function take(step: Step): StepResult {
  const keeper = () => new SysctlKeeper({ sysctls: linuxSysctls, record: new SysctlRecordFile(STATE) });
  try {
    if (step.do === 'write') linuxSysctls.write(step.name, step.value);
    if (step.do === 'apply')
      return {
        notes: keeper()
          .apply(step.profile)
          .notes.map(({ code }) => code),
      };
    if (step.do === 'restore')
      return {
        notes: keeper()
          .restore()
          .notes.map(({ code }) => code),
      };
    const value = step.do === 'read' ? linuxSysctls.read(step.name) : undefined;
    return value === undefined ? {} : { value };
  } catch (thrown) {
    if (thrown instanceof PortreeveError) return { error: thrown.code };
    throw thrown;
  }
}

if (import.meta.main) {
  const [, , foreign] = process.argv;
  if (foreign === undefined || foreign === readlinkSync(NETWORK)) {
    throw new Error('this is the network of the parent process: nothing was changed');
  }
  const steps: readonly Step[] = JSON.parse(await text(process.stdin));
  console.log(JSON.stringify(steps.map(take)));
}
