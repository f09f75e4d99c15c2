/** Runs a test file inside a virtual machine, and prints the results as JSON: run-file SECONDS FILE. */

import { parseDecimal } from '../../../src/base/port.ts';
import { runFile } from '../../support/runner.ts';

const SECONDS_MAX = 3600;

const [seconds = '', file = ''] = process.argv.slice(2);
const limit = parseDecimal(seconds, SECONDS_MAX);
if (limit === undefined) throw new Error(`not a number of seconds: ${seconds}`);
console.log(JSON.stringify(await runFile(file, { signal: AbortSignal.timeout(limit * 1000) })));
