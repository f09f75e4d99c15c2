/** Evaluates constant expressions with the C compiler. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The values of expressions under these headers; undefined for a macro (see `isMacro`) that they do not define. */
export function valuesInC(
  headers: readonly string[],
  expressions: readonly string[],
  isMacro: (expression: string) => boolean = () => false,
): (number | undefined)[] {
  const directory = mkdtempSync(join(tmpdir(), 'portreeve-abi-'));
  try {
    const file = join(directory, 'abi');
    const lines = expressions.map((expression) => {
      const print = `printf("%lld\\n", (long long)(${expression}));`;
      return isMacro(expression) ? `\n#ifdef ${expression}\n${print}\n#else\nputs("");\n#endif\n` : print;
    });
    const includes = headers.map((header) => `#include <${header}>`).join('\n');
    const source = `#define _GNU_SOURCE\n#include <stdio.h>\n${includes}\nint main(void) {\n${lines.join('\n')}\n}\n`;
    writeFileSync(`${file}.c`, source);
    const compiled = spawnSync('cc', ['-o', file, `${file}.c`], { encoding: 'utf8' });
    assert.equal(compiled.status, 0, compiled.stderr);
    const printed = spawnSync(file, { encoding: 'utf8' }).stdout.trimEnd().split('\n');
    return printed.map((line) => (line === '' ? undefined : Math.trunc(JSON.parse(line))));
  } finally {
    rmSync(directory, { recursive: true });
  }
}
