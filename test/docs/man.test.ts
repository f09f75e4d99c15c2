// The man pages: each is valid man(7), and its options and settings are those of the program.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { roffOf } from '../../scripts/man.ts';
import { manPages, manSource } from '../../scripts/man-source.ts';
import { type Command, commandsBelow, fullName, nameOf } from '../../src/kit/command.ts';
import { parseSettings } from '../../src/kit/settings-file.ts';
import { COMMANDS, run } from '../../src/main/program.ts';
import { SECTIONS } from '../../src/main/sections.ts';
import { capturedIo } from '../support/captured-io.ts';
import { ROOT } from '../support/files.ts';
import { needs, probe } from '../support/probe.ts';
import { settingKeys } from '../support/setting-keys.ts';

const PAGES = manPages();

describe('in Markdown', () => {
  const roff = (text: string) => roffOf(`# a(1) - what\n\n${text}\n`, '1.0').split('\n').slice(3, -1);

  test('the title becomes the header and the NAME section', () => {
    const [heading, ...name] = roffOf('# a-b(8) - what it is\n', '1.2.3').trimEnd().split('\n');
    assert.equal(heading, '.TH A-B 8 "" "portreeve 1.2.3" "portreeve"');
    assert.deepEqual(name, ['.SH NAME', 'a\\-b \\- what it is']);
  });

  const cases: Record<string, [markdown: string, ...roff: string[]]> = {
    headings: ['## See also\n\n### a b [c]', '.SH "SEE ALSO"', '.SS "a b [c]"'],
    paragraphs: ['one\ntwo\n\nthree', '.PP', 'one two', '.PP', 'three'],
    fonts: ['a `b` *c* **d**', '.PP', 'a \\fBb\\fR \\fIc\\fR \\fBd\\fR'],
    'a list of terms': [
      '- `-a`, `--b` *c*: One\n  two: x.',
      '.TP',
      '\\fB\\-a\\fR, \\fB\\-\\-b\\fR \\fIc\\fR',
      'One two: x.',
    ],
    'a list': ['- one\n- two', '.IP \\(bu 2', 'one', '.IP \\(bu 2', 'two'],
    code: ['```\na\n\n.b `c`\n```', '.PP', '.RS 4', '.EX', 'a', '', '\\&.b \\(gac\\(ga', '.EE', '.RE'],
    'characters that are special in roff': [".a 'b' \\c ~d", '.PP', '\\&.a \\(aqb\\(aq \\ec \\(tid'],
  };
  for (const [name, [markdown, ...expected]] of Object.entries(cases)) {
    test(`${name}`, () => assert.deepEqual(roff(markdown), expected));
  }

  test('unsupported syntax is refused', () => {
    for (const text of ['#### a', '> a', '| a | b |', '1. a', 'a `b', 'a * b', 'é', '```\na']) {
      assert.throws(() => roff(text), Error, text);
    }
    assert.throws(() => roffOf('# a\n', '1.0'), /is no title/);
  });
});

describe('each page', () => {
  for (const page of PAGES) {
    const text = roffOf(manSource(page), '1.0');

    test(`${page} has the sections of man-pages(7) in their order`, () => {
      const usual = ['NAME', 'SYNOPSIS', 'DESCRIPTION', 'OPTIONS', 'EXIT STATUS', 'SEE ALSO'];
      const wanted = page.endsWith('.5') ? ['NAME', 'DESCRIPTION', 'SEE ALSO'] : usual;
      const found = [...text.matchAll(/^\.SH "?([^"\n]+)"?$/gm)].map(([, name]) => name);
      assert.deepEqual(
        found.filter((name) => usual.includes(name ?? '')),
        wanted,
      );
    });

    test(`${page} has the name in its title, and refers only to existing pages`, () => {
      const [, name, section] = /^# (.*)\((\d)\)/.exec(manSource(page)) ?? [];
      assert.equal(`${name}.${section}`, page);
      for (const [, other, in_] of manSource(page).matchAll(/(portreeve[\w.-]*)\((\d)\)/g)) {
        assert.ok(PAGES.includes(`${other}.${in_}`), `${other}(${in_})`);
      }
    });

    test(`${page} is formatted without a warning`, (t) => {
      if (!needs(t, probe.command('groff'))) return;
      const formatted = spawnSync('groff', ['-man', '-ww', '-z', '-Tutf8'], {
        input: text,
        encoding: 'utf8',
      });
      assert.deepEqual([formatted.status, formatted.stderr], [0, '']);
    });
  }

  test('groff warns about an error', (t) => {
    if (!needs(t, probe.command('groff'))) return;
    const input = '.TH A 1\n.nosuch\n';
    assert.match(spawnSync('groff', ['-man', '-ww', '-z'], { input, encoding: 'utf8' }).stderr, /nosuch/);
  });

  test('is in the package', () => {
    const { man, files } = JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8'));
    assert.deepEqual(man, PAGES.map((page) => `man/${page}`).sort());
    assert.ok(files.includes('man'));
  });
});

/** The text about a command: the section of its own heading, or else the page without such sections. */
function textAbout(command: Command, usage: string): string {
  const sections = PAGES.flatMap((page) => manSource(page).split(/^(?=##)/m));
  const heading = `### ${usage}\n`;
  const own = sections.find((section) => section.startsWith(heading));
  if (own !== undefined) return own;
  const page = PAGES.find((name) => name.replace(/\.\d$/, '') === fullName(command).replaceAll(' ', '-'));
  assert.ok(page, `no page has the heading ${heading}`);
  return manSource(page)
    .split(/^(?=##)/m)
    .filter((section) => !section.startsWith('###'))
    .join('');
}

/** The terms of lists that begin with "-": "--timeout <seconds>". */
function optionsIn(text: string): string[] {
  return [...text.matchAll(/^- (`-[^:]*):/gm)].map(([, term = '']) =>
    term.replaceAll('`', '').replace(/\*(.*)\*/, '<$1>'),
  );
}

/** The usage and the options in the help. */
async function helpOf({ path }: Command) {
  const io = capturedIo();
  await run([...path, '--help'], io);
  const [, usage = ''] = /^Usage: (.*)$/m.exec(io.stdout()) ?? [];
  const options = [...io.stdout().matchAll(/^ {2}(-.*?)(?: {2}.*)?$/gm)].map(([, flags = '']) => flags);
  return { usage, options };
}

describe('the help and the man page have the same usage and options', () => {
  for (const command of COMMANDS) {
    test(fullName(command), async () => {
      const { usage, options } = await helpOf(command);
      assert.ok(options.includes('-h, --help'));
      assert.deepEqual(optionsIn(textAbout(command, usage)), options);
    });
  }

  test('and no page in docs/man lists them manually', () => {
    for (const page of PAGES) {
      const text = readFileSync(new URL(`docs/man/${page}.md`, ROOT), 'utf8');
      assert.deepEqual(optionsIn(text), [], page);
      assert.doesNotMatch(text, /^## (?:Synopsis|Options)/m, page);
    }
  });

  test('and portreeve(1) lists the commands', () => {
    const [, listed = ''] = /^## Commands\n([\s\S]*?)^##/m.exec(manSource('portreeve.1')) ?? [];
    const program = COMMANDS.find(({ path }) => path.length === 0);
    assert.deepEqual(
      [...listed.matchAll(/^- `(\w+)`/gm)].map(([, name]) => name),
      [...commandsBelow(program ?? assert.fail(), COMMANDS).map(nameOf), 'help'],
    );
  });
});

test('an option in the man page has the text of the help, the choices, and the details', () => {
  const text = manSource('portreeve-suggest.1');
  assert.match(text, /^- `--protocol` \*which\*: .* \(default: both\)\. It is `tcp`, `udp` or `both`\.$/m);
  assert.match(
    text,
    /^- `--near` \*port\*: Prefer the nearest to this port, such as 8000 or http-alt\. A number or a service name\. /m,
  );
  assert.match(manSource('portreeve-run.1'), /^- `--job` \*name\*: .* It has to be given\. /m);
  assert.match(manSource('portreeve-reservations.1'), /^- `--zos`: .* cannot be combined with `--json`\.$/m);
});

describe('portreeve.toml(5)', () => {
  const text = manSource('portreeve.toml.5');

  test('lists exactly the settings', async () => {
    assert.deepEqual(
      [...text.matchAll(/^- `([\w.]+)`:/gm)].map(([, key]) => key).sort(),
      (await settingKeys(SECTIONS)).sort(),
    );
  });

  test('has a valid example with every setting', async () => {
    const example = /^```\n([\s\S]*?)^```/m.exec(text)?.[1] ?? '';
    const { job = {}, ...others } = await parseSettings(example, 'example', SECTIONS);
    const jobs = Object.values(job).map((section) => ['job.NAME', section] as const);
    assert.deepEqual(
      [...Object.entries(others), ...jobs].flatMap(([name, keys]) =>
        Object.keys(keys ?? {}).map((key) => `${name}.${key}`),
      ),
      await settingKeys(SECTIONS),
    );
  });
});
