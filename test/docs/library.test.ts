/** Tests docs/library.md: each example is executed and prints the documented output, and every export has a comment. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as library from '../../src/main/library.ts';
import { ACCEPT, writeAccepted, writeProgMismatch } from '../../src/portmap/wire/rpc.ts';
import { ROOT } from '../support/files.ts';
import {
  type Behaviour,
  fakePortmap,
  localServer,
  message,
  success,
  tcpServer,
  udpServer,
} from '../support/rpc-server.ts';
import { statusDaemon } from '../support/status-daemon.ts';
import { tableOf } from '../support/tables.ts';

const PAGE = readFileSync(new URL('docs/library.md', ROOT), 'utf8');
const INDEX = new URL('src/main/library.ts', ROOT);
const EXAMPLES = [...PAGE.matchAll(/^## (.*)\n|^```ts\n([\s\S]*?)^```$/gm)];

/** The program of the examples: its procedure 1 adds two numbers. */
const sums: Behaviour = ({ head, args, bytes }, send) => {
  const { xid, program, version, procedure } = head;
  if (program !== 0x20000001) send(message((writer) => writeAccepted(writer, xid, ACCEPT.PROG_UNAVAIL)));
  else if (version !== 1) send(message((writer) => writeProgMismatch(writer, xid, 1, 1)));
  else if (procedure === 0) send(success({ head, args, bytes }));
  else {
    const sum = args.u32() + args.u32();
    send(success({ head, args, bytes }, (writer) => writer.u32(sum)));
  }
};

/** Starts the servers of the examples, and replaces the documented addresses with those of the servers. */
async function withServers(t: TestContext, example: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'portreeve-'));
  t.after(() => rm(directory, { recursive: true }));
  const entry = { program: 100005, version: 3, netid: 'tcp', address: '192.0.2.7.78.80', owner: 'superuser' };
  const mapper = fakePortmap({ versions: [2, 3, 4], entries: [entry] });
  const nfs = await tcpServer(t, mapper);
  const { path } = await localServer(t, join(directory, 'rpcbind.sock'), mapper);
  const { port } = await tcpServer(t, sums);
  await udpServer(t, sums, '127.0.0.1', port);
  const silent = await udpServer(t, () => {});
  await statusDaemon(t, directory);
  const places: Readonly<Record<string, string>> = {
    "'portreeve'": `'${INDEX}'`,
    "host: 'nfs.example.org'": `host: '127.0.0.1', port: ${nfs.port}`,
    "host: 'sums.example.org', port: 7001": `host: '127.0.0.1', port: ${port}`,
    "host: 'silent.example.org', port: 7002": `host: '127.0.0.1', port: ${silent.port}`,
    '/run/rpcbind.sock': path,
    '/run/portreeve/status.sock': join(directory, 'portreeve/status.sock'),
  };
  const placed = Object.entries(places).reduce(
    (text, [documented, actual]) => text.replaceAll(documented, actual),
    example,
  );
  const file = join(directory, 'example.ts');
  await writeFile(file, placed);
  return file;
}

describe('the example of', () => {
  let heading = '';
  for (const [, title, example] of EXAMPLES) {
    heading = title ?? heading;
    if (example === undefined) continue;
    test(`${heading}: ${example.split('\n')[2]}`, async (t) => {
      const file = await withServers(t, example);
      const { stdout, stderr } = await promisify(execFile)(process.execPath, [file]);
      const expected = [...example.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)].map(
        ([, text]) => `${text}\n`,
      );
      assert.equal(stdout, expected.join(''));
      assert.equal(stderr, '');
    });
  }

  test('every section', () => assert.ok(EXAMPLES.filter(([, , example]) => example).length >= 8));
});

test('the codes of errors are those of the type', () => {
  const source = readFileSync(new URL('src/portmap/client/errors.ts', ROOT), 'utf8');
  const type = /export type RpcErrorCode =([^;]*);/.exec(source)?.[1] ?? '';
  const codes = [...type.matchAll(/'(\w+)'/g)].map(([, code]) => `\`${code}\``);
  const documented = tableOf('docs/library.md', ['code', 'what happened']).map(({ code }) => code);
  assert.deepEqual(documented, codes);
});

/** The exports of library.ts, each with the file that declares it. */
function exported(): [name: string, file: string][] {
  const source = readFileSync(INDEX, 'utf8');
  return [...source.matchAll(/^export (?:type )?\{([^}]*)\} from '(.*)';$/gm)].flatMap(
    ([, names = '', from = '']) =>
      names
        .split(',')
        .map((name) => name.replace('type ', '').trim())
        .filter((name) => name !== '')
        .map((name): [string, string] => [name, fileURLToPath(new URL(from, INDEX))]),
  );
}

/** The lines of the declaration of a name, and the line before them. */
function declarationOf(name: string, file: string): { before: string; lines: string[] } {
  const lines = readFileSync(file, 'utf8').split('\n');
  const pattern = new RegExp(
    `^export (?:declare )?(?:class|interface|function|async function|type|const) ${name}\\b`,
  );
  const start = lines.findIndex((line) => pattern.test(line));
  assert.ok(start >= 0, `${file} declares ${name}`);
  const end = lines.findIndex(
    (line, at) => at >= start && (/^}/.test(line) || (at === start && line.endsWith(';'))),
  );
  return { before: lines[start - 1] ?? '', lines: lines.slice(start, end) };
}

/** The public members of a class or interface that no comment precedes. */
function unexplained({ lines }: { lines: readonly string[] }): string[] {
  if (!/^export (class|interface) /.test(lines[0] ?? '')) return [];
  return lines.filter((line, at) => {
    const isMember = /^ {2}(?:(?:readonly|async|get|override) )*[\w[][\w.\]]*[?]?[(:<]/.test(line);
    const isKnown = line.startsWith('  override readonly name');
    return isMember && !isKnown && !lines[at - 1]?.trimEnd().endsWith('*/');
  });
}

describe('every export has a comment', () => {
  for (const [name, file] of exported()) {
    test(name, () => {
      const declaration = declarationOf(name, file);
      assert.ok(declaration.before.endsWith('*/'), `${name} has no comment`);
      assert.deepEqual(unexplained(declaration), []);
    });
  }

  test('every export is found', () => {
    const names = exported().map(([name]) => name);
    for (const name of Object.keys(library)) assert.ok(names.includes(name), name);
    assert.ok(existsSync(INDEX));
  });

  test('a member without a comment is found', () => {
    const lines = [
      'export interface A {',
      '  /** What. */',
      '  readonly b: number;',
      '  readonly c: number;',
    ];
    assert.deepEqual(unexplained({ lines }), ['  readonly c: number;']);
  });
});
