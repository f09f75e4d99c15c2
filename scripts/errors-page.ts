/** Prints docs/errors.md, the list of every error code, from the catalog. */

import { ERRORS } from '../src/base/error-catalog.ts';
import { EXIT_CODES } from '../src/base/errors.ts';

const HEAD = `# Errors

An error goes to standard error: what is wrong and which value, then what would be legal or what to do next.

    portreeve: error[PORT_INVALID]: "99999" is not a port

With \`--json\` it is one line of JSON, and the daemon answers with the same object:

    {"error":"…","code":"PORT_INVALID","kind":"usage","hint":"…","data":{"value":"99999"}}

A code never changes its meaning. Its kind gives the exit status: \`refused\` 1, \`usage\` 2, \`environment\` 3
(something outside portreeve prevents it from finding the answer, or from acting), and \`bug\` 3, with the stack of the
error.

`;

/** The page. */
export function errorsPage(): string {
  const rows = Object.entries(ERRORS).map(
    ([code, [kind, meaning]]) => `| \`${code}\` | ${kind} | ${EXIT_CODES[kind]} | ${meaning} |\n`,
  );
  return `${HEAD}| code | kind | exit status | what it means |\n|---|---|---|---|\n${rows.join('')}`;
}

if (import.meta.main) process.stdout.write(errorsPage());
