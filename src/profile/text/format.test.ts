// Tests of the canonical form: it keeps meaning and comments, and formatting it again changes nothing.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { formatProfile } from './format.ts';
import { parseProfile } from './parse.ts';

const VECTORS = join(import.meta.dirname, '../../../test/vectors/profile');

function format(text: string): string {
  const include = (file: string) => ({ file, text: '; nothing' });
  const parsed = parseProfile({ file: 'f', text }, { include });
  assert.deepEqual(
    parsed.findings.filter(({ severity }) => severity === 'error'),
    [],
  );
  return formatProfile(parsed);
}

/** Statements without places and comments. */
function meaning(text: string): unknown {
  const { statements } = parseProfile({ file: 'f', text });
  const ignored = new Set(['place', 'above', 'inline']);
  return JSON.parse(JSON.stringify(statements, (key, value) => (ignored.has(key) ? undefined : value)));
}

/** Every comment of a text, sorted, since comments within an entry may move. */
const comments = (text: string): string[] =>
  text
    .split('\n')
    .flatMap((line) => /(?:^|\s)(;.*)$/.exec(line)?.[1]?.trimEnd() ?? [])
    .sort();

test('keywords are in full, entries and inline comments in columns', () => {
  const text = `; all of it

port ; the list
 80 tcp web noautol sharep ; first
; above the second
 8080 tcp longer_name nodelaya
 53 udp named;x`.replace('named;x', 'named ;x');
  assert.equal(
    format(text),
    `; all of it

PORT ; the list
       80 TCP WEB         NOAUTOLOG SHAREPORT ; first
; above the second
     8080 TCP LONGER_NAME NODELAYACKS
       53 UDP NAMED                           ;x
`,
  );
});

test('every kind of statement keeps its meaning', () => {
  const text = `TCPCONFIG restrictl ttls ; x
autolog 5 ; start
 ftpd jobname ftpd1 parmstring "a B" ; ftp
endautolog ; end
portrange 4000 200 tcp a*
delete port 80 tcp web
include 'other/File' ; more
device OSA  MPCIPA ; kept
  PRIROUTER
globalconfig explicitbindportrange 5000 10 ziip ipsecurity
; the end`;
  assert.equal(
    format(text),
    `TCPCONFIG
    RESTRICTLOWPORTS
    TTLS ; x

AUTOLOG 5 ; start
    FTPD JOBNAME FTPD1 PARMSTRING "a B" ; ftp
ENDAUTOLOG ; end

PORTRANGE
     4000   200 TCP A*

DELETE PORT
       80 TCP WEB

INCLUDE 'other/File' ; more

device OSA  MPCIPA ; kept
  PRIROUTER

GLOBALCONFIG
    EXPLICITBINDPORTRANGE 5000 10
    ZIIP IPSECURITY

; the end
`,
  );
});

describe('the canonical form of every vector', () => {
  const names = existsSync(VECTORS) ? readdirSync(VECTORS).filter((name) => name.endsWith('.profile')) : [];
  for (const name of names) {
    const text = readFileSync(join(VECTORS, name), 'utf8');
    const parsed = parseProfile({ file: 'f', text });
    if (parsed.findings.some(({ severity }) => severity === 'error')) continue;
    test(`${name} has the same meaning, and is canonical`, () => {
      const once = formatProfile(parsed);
      assert.deepEqual(meaning(once), meaning(text));
      assert.deepEqual(comments(once), comments(text));
      assert.equal(format(once), once);
    });
  }
});
