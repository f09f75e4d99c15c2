/** The manual pages: each is man(7) without a warning, and says of options and settings what the program knows. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import type { Command } from 'commander';
import { manPages, manSource, roffOf } from '../../scripts/man.ts';
import { fullName } from '../../src/kit/command.ts';
import { parseSettings, SETTING_KEYS } from '../../src/kit/settings-file.ts';
import { portreeveProgram } from '../../src/main/program.ts';
import { capturedIo } from '../support/captured-io.ts';
import { ROOT } from '../support/files.ts';
import { needs, probe } from '../support/probe.ts';

const PAGES = manPages();

describe('of Markdown', () => {
  const roff = (text: string) => roffOf(`# a(1) - what\n\n${text}\n`, '1.0').split('\n').slice(3, -1);

  test('the title becomes the heading and the name', () => {
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
    'what roff would take for its own': [".a 'b' \\c ~d", '.PP', '\\&.a \\(aqb\\(aq \\ec \\(tid'],
  };
  for (const [name, [markdown, ...expected]] of Object.entries(cases)) {
    test(`${name}`, () => assert.deepEqual(roff(markdown), expected));
  }

  test('what is not known is refused', () => {
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

    test(`${page} is named as its title says, and names no page that is not there`, () => {
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

  test('groff does warn', (t) => {
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

/** What a page says of a command: under a heading of its own, else all that is under none. */
function textAbout(command: Command): string {
  const sections = PAGES.flatMap((page) => manSource(page).split(/^(?=##)/m));
  const heading = `### ${fullName(command)} ${command.usage()}\n`;
  const own = sections.find((section) => section.startsWith(heading));
  if (own !== undefined) return own;
  const page = PAGES.find((name) => name.replace(/\.\d$/, '') === fullName(command).replaceAll(' ', '-'));
  assert.ok(page, `no page has the heading ${heading}`);
  return manSource(page)
    .split(/^(?=##)/m)
    .filter((section) => !section.startsWith('###'))
    .join('');
}

/** The terms of the lists that begin with "-": "--timeout <seconds>". */
function optionsIn(text: string): string[] {
  return [...text.matchAll(/^- (`-[^:]*):/gm)].map(([, term = '']) =>
    term.replaceAll('`', '').replace(/\*(.*)\*/, '<$1>'),
  );
}

function commandsOf(command: Command): Command[] {
  return [command, ...command.commands.flatMap(commandsOf)];
}

describe('the options in the help and in the manual are the same', () => {
  for (const command of commandsOf(portreeveProgram({ io: capturedIo(), end: () => {} }))) {
    test(fullName(command), () => {
      const options = command.createHelp().visibleOptions(command);
      assert.deepEqual(optionsIn(textAbout(command)).sort(), options.map(({ flags }) => flags).sort());
    });
  }

  test('and so are the commands', () => {
    const program = portreeveProgram({ io: capturedIo(), end: () => {} });
    const listed = /^## Commands\n([\s\S]*?)^## /m.exec(manSource('portreeve.1'))?.[1] ?? '';
    const names = program.createHelp().visibleCommands(program);
    assert.deepEqual(
      [...listed.matchAll(/^- `(\w+)`/gm)].map(([, name]) => name),
      names.map((command) => command.name()),
    );
  });
});

describe('portreeve.toml(5)', () => {
  const text = manSource('portreeve.toml.5');

  test('has every setting, and no other', () => {
    assert.deepEqual(
      [...text.matchAll(/^- `([\w.]+)`:/gm)].map(([, key]) => key).sort(),
      [...SETTING_KEYS].sort(),
    );
  });

  test('its example is valid, and has every setting', () => {
    const sections = parseSettings(/^```\n([\s\S]*?)^```/m.exec(text)?.[1] ?? '', 'example');
    const { job = {}, ...others } = sections;
    const jobs = Object.values(job).map((section) => ['job.NAME', section] as const);
    assert.deepEqual(
      [...Object.entries(others), ...jobs].flatMap(([name, keys]) =>
        Object.keys(keys ?? {}).map((key) => `${name}.${key}`),
      ),
      SETTING_KEYS,
    );
  });
});
