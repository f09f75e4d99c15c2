// Findings as text and as JSON.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { capturedIo } from '../../../test/support/captured-io.ts';
import { servicesOf, snapshot, socket } from '../../../test/support/doctor/snapshots.ts';
import { examineResult } from '../app/examine.ts';
import { type Code, checkOf, type Finding } from '../core/findings/checks/all.ts';
import { checkText, examinationJson, examinationText } from './doctor-text.ts';

const SUPPRESSIONS = [{ code: 'SERVICES_RESERVE_NOTHING', reason: 'not installed' }] as const;
const EXAMINATION = examineResult(
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

const fixedByHand = (finding: Finding, advice: string): Finding => ({
  ...finding,
  advice,
  remedy: undefined,
});

const BRIEF = 'a\\x1b[31m (pid 500)';
const RANGE = 'the ephemeral range is 32768-60999';

describe('as text', () => {
  test('each finding has its title, what was found, why it matters and the fix; then their number', () => {
    const text = examinationText(capturedIo(), EXAMINATION, false);
    assert.equal(
      text,
      `warning: a service listens on a port that can be assigned as an ephemeral port (SERVICE_EPHEMERAL)
  ${BRIEF} listens on 0.0.0.0:40000/tcp, the command line of a\\x1b[31m contains the port, and ${RANGE}
  While the service restarts, a client can be assigned the port, and the service then fails to start.
  To fix it: portreeve doctor --fix

info: a socket listens on an ephemeral port (LISTENER_EPHEMERAL)
  server (pid 500) listens on 0.0.0.0:41000/tcp, and ${RANGE}
  A client may hold the port when the program starts again.
  If the port must always be the same, reserve it, or choose ports below 32768.

1 warning, 1 info; 1 suppressed (--all shows them)
To explain a finding: portreeve doctor CODE
`,
    );
  });

  test('suppressed findings are shown with their reason', () => {
    const text = examinationText(capturedIo(), EXAMINATION, true);
    assert.match(
      text,
      /\nwarning: an entry of .*\n(?: {2}.*\n)* {2}suppressed: not installed\n\n1 warning, 1 info; 1 suppressed\n/,
    );
  });

  test('on a terminal the headings are emphasized, and control characters are escaped', () => {
    const text = examinationText(capturedIo({ columns: 80 }), EXAMINATION, false);
    const emphasized = text.split('\n').filter((line) => line.includes('\x1b'));
    assert.equal(emphasized.length, 2);
    for (const line of emphasized) {
      assert.ok(line.startsWith('\x1b[1m') && line.endsWith('\x1b[0m'), line);
      assert.equal(line.split('\x1b').length, 3);
    }
  });

  test('what several findings have in common is printed once', () => {
    const listener = (port: number, command: string) =>
      socket(`LISTEN tcp 0.0.0.0:${port}`, { name: 'a', command });
    const sockets = [listener(40_000, 'a 40000'), listener(41_000, 'a 41000'), listener(42_000, 'a')];
    const services = servicesOf('b 42001/tcp\n');
    const { findings } = examineResult({ snapshot: snapshot({ sockets, services }), unknown: [] }, []);
    const changed = findings.map((each) =>
      each.ports[0]?.first === 41_000 ? fixedByHand(each, 'Move it.') : each,
    );
    const text = examinationText(capturedIo(), { ...EXAMINATION, findings: changed, suppressed: [] }, false);
    assert.ok(
      text.includes(`(SERVICE_EPHEMERAL)
  - a (pid 500) listens on 0.0.0.0:40000/tcp, the command line of a contains the port, and ${RANGE}
    To fix it: portreeve doctor --fix
  - a (pid 500) listens on 0.0.0.0:41000/tcp, the command line of a contains the port, and ${RANGE}
    Move it.
  While the service restarts, a client can be assigned the port, and the service then fails to start.

warning: an entry`),
      text,
    );
    const same = examinationText(capturedIo(), { ...EXAMINATION, findings, suppressed: [] }, false);
    assert.equal(same.split('While the service restarts').length, 2);
    assert.match(same, /then fails to start\.\n {2}To fix it: portreeve doctor --fix\n\n/);
  });

  test('on a terminal the lines are wrapped', () => {
    const lines = examinationText(capturedIo({ columns: 60 }), EXAMINATION, true).split('\n');
    for (const line of lines.filter((each) => each.startsWith(' '))) assert.ok(line.length <= 60, line);
    assert.ok(lines.includes('  command line of a\\x1b[31m contains the port, and the'), lines.join('\n'));
  });

  test('a host without findings is reported as such', () => {
    const nothing = examineResult({ snapshot: snapshot(), unknown: [] }, []);
    assert.equal(examinationText(capturedIo(), nothing, false), 'no findings\n');
  });
});

test('as JSON each finding has all keys, null where there is no value', () => {
  const output = JSON.parse(
    examinationJson(EXAMINATION, true, ({ remedy }) =>
      remedy ? { settings: [{ name: 'a.b', from: '1', to: '2 3' }], files: [], notes: [] } : undefined,
    ),
  );
  assert.deepEqual(
    output.findings.map((finding: { code: Code; fix: object; suppressionReason: string }) => [
      finding.code,
      finding.fix,
      finding.suppressionReason,
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
  assert.deepEqual(Object.keys(output.findings[0]), [
    'code',
    'severity',
    'title',
    'what',
    'why',
    'ports',
    'protocol',
    'advice',
    'fix',
    'suppressionReason',
  ]);
  assert.deepEqual([output.suppressedCount, output.unknown], [1, ['x: y']]);
});

test('the explanation of a code is wrapped', () => {
  const check = checkOf('EPHEMERAL_FEW');
  assert.ok(check);
  const text = checkText(capturedIo({ columns: 60 }), check);
  const [, ...lines] = text.split('\n');
  for (const line of lines) assert.ok(line.length <= 60, line);
  const { severities, why, explanation } = check;
  const prose = [`${severities.join(' or ')}: ${why}`, ...explanation].join(' ');
  assert.equal(lines.join(' ').replaceAll('  ', ' ').trim(), prose);
});
