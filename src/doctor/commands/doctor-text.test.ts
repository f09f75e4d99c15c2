// Findings as people read them and as programs do.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { capturedIo } from '../../../test/support/captured-io.ts';
import { servicesOf, snapshot, socket } from '../../../test/support/doctor/snapshots.ts';
import { judge } from '../app/examine.ts';
import { type Code, checkOf, type Finding } from '../core/findings/checks/all.ts';
import { checkText, examinationJson, examinationText } from './doctor-text.ts';

const SUPPRESSIONS = [{ code: 'SERVICES_RESERVE_NOTHING', reason: 'not installed' }] as const;
const EXAMINATION = judge(
  {
    snapshot: snapshot({
      sockets: [
        socket('LISTEN tcp 0.0.0.0:40000', { name: 'a\x1b[31m', command: 'a --port 40000' }),
        socket('LISTEN tcp 0.0.0.0:41000', {}),
      ],
      services: servicesOf('app 50000/tcp\n'),
    }),
    unknown: ['x: y'],
  },
  SUPPRESSIONS,
);

const mendedBy = (finding: Finding, advice: string): Finding => ({ ...finding, advice, remedy: undefined });

const BRIEF = 'a\\x1b[31m (pid 500)';
const RANGE = 'the kernel gives 32768-60999 to clients';

describe('for people', () => {
  test('each finding says what was seen, why it matters and what to do; then how many there are', () => {
    const text = examinationText(capturedIo(), EXAMINATION, false);
    assert.equal(
      text,
      `warning: a service listens on a port that can be given to any client (SERVICE_EPHEMERAL)
  ${BRIEF} listens on 0.0.0.0:40000/tcp, the command line of a\\x1b[31m names the port, and ${RANGE}
  When the service is restarted a client may have the port, and it does not start.
  To mend it: portreeve doctor --fix

info: a socket listens in the range of clients (LISTENER_EPHEMERAL)
  server (pid 500) listens on 0.0.0.0:41000/tcp, and ${RANGE}
  A client can have its port at the next start.
  If the port is meant to be always the same: reserve it, or choose ports below 32768.

1 warning, 1 note; 1 suppressed (--all shows them)
What one means: portreeve doctor CODE
`,
    );
  });

  test('with all of them, what is suppressed has its reason', () => {
    const text = examinationText(capturedIo(), EXAMINATION, true);
    assert.match(
      text,
      /\nwarning: an entry of .*\n(?: {2}.*\n)* {2}suppressed: not installed\n\n1 warning, 1 note; 1 suppressed\n/,
    );
  });

  test('on a terminal the headings are emphasized, and nothing of strangers steers it', () => {
    const text = examinationText(capturedIo({ columns: 80 }), EXAMINATION, false);
    const emphasized = text.split('\n').filter((line) => line.includes('\x1b'));
    assert.equal(emphasized.length, 2);
    for (const line of emphasized) {
      assert.ok(line.startsWith('\x1b[1m') && line.endsWith('\x1b[0m'), line);
      assert.equal(line.split('\x1b').length, 3);
    }
  });

  test('what several have in common is said once', () => {
    const listener = (port: number, command: string) =>
      socket(`LISTEN tcp 0.0.0.0:${port}`, { name: 'a', command });
    const sockets = [listener(40_000, 'a 40000'), listener(41_000, 'a 41000'), listener(42_000, 'a')];
    const services = servicesOf('b 42001/tcp\n');
    const { findings } = judge({ snapshot: snapshot({ sockets, services }), unknown: [] }, []);
    const unmended = findings.map((each) =>
      each.ports[0]?.first === 41_000 ? mendedBy(each, 'Move it.') : each,
    );
    const text = examinationText(capturedIo(), { ...EXAMINATION, findings: unmended, suppressed: [] }, false);
    assert.ok(
      text.includes(`(SERVICE_EPHEMERAL)
  - a (pid 500) listens on 0.0.0.0:40000/tcp, the command line of a names the port, and ${RANGE}
    To mend it: portreeve doctor --fix
  - a (pid 500) listens on 0.0.0.0:41000/tcp, the command line of a names the port, and ${RANGE}
    Move it.
  When the service is restarted a client may have the port, and it does not start.

warning: an entry`),
      text,
    );
    const alike = examinationText(capturedIo(), { ...EXAMINATION, findings, suppressed: [] }, false);
    assert.equal(alike.split('When the service is restarted').length, 2);
    assert.match(alike, /it does not start\.\n {2}To mend it: portreeve doctor --fix\n\n/);
  });

  test('on a terminal the lines fit', () => {
    const lines = examinationText(capturedIo({ columns: 60 }), EXAMINATION, true).split('\n');
    for (const line of lines.filter((each) => each.startsWith(' '))) assert.ok(line.length <= 60, line);
    assert.ok(
      lines.includes('  command line of a\\x1b[31m names the port, and the kernel'),
      lines.join('\n'),
    );
  });

  test('nothing is a sentence, too', () => {
    const nothing = judge({ snapshot: snapshot(), unknown: [] }, []);
    assert.equal(examinationText(capturedIo(), nothing, false), 'nothing was found\n');
  });
});

test('for programs each finding has its parts, null where there is none', () => {
  const said = JSON.parse(
    examinationJson(EXAMINATION, true, ({ remedy }) =>
      remedy ? { settings: [{ name: 'a.b', from: '1', to: '2 3' }], files: [], notes: [] } : undefined,
    ),
  );
  assert.deepEqual(
    said.findings.map(({ code, fix, suppressed }: { code: Code; fix: object; suppressed: string }) => [
      code,
      fix,
      suppressed,
    ]),
    [
      ['SERVICE_EPHEMERAL', { commands: ['sysctl -w a.b="2 3"'], files: [], notes: [] }, null],
      ['LISTENER_EPHEMERAL', null, null],
      [
        'SERVICES_RESERVE_NOTHING',
        { commands: ['sysctl -w a.b="2 3"'], files: [], notes: [] },
        'not installed',
      ],
    ],
  );
  assert.deepEqual(Object.keys(said.findings[0]), [
    'code',
    'severity',
    'title',
    'seen',
    'why',
    'ports',
    'protocol',
    'advice',
    'fix',
    'suppressed',
  ]);
  assert.deepEqual([said.suppressed, said.unknown], [1, ['x: y']]);
});

test('a code is explained in lines that fit', () => {
  const check = checkOf('EPHEMERAL_FEW');
  assert.ok(check);
  const text = checkText(capturedIo({ columns: 60 }), check);
  const [, ...lines] = text.split('\n');
  for (const line of lines) assert.ok(line.length <= 60, line);
  const { severities, why, explanation } = check;
  const prose = [`${severities.join(' or ')}: ${why}`, ...explanation].join(' ');
  assert.equal(lines.join(' ').replaceAll('  ', ' ').trim(), prose);
});
