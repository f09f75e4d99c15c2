// Events in columns: all columns in a file, as many as fit on a terminal.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { capturedIo } from '../../../test/support/captured-io.ts';
import { EVENT_TIME, guardEvent, LOST } from '../../../test/support/event-archive-cases.ts';
import type { NewGuardEvent } from '../../base/guard-event.ts';
import { eventLine } from '../app/events-request.ts';
import { EventTable } from './event-table.ts';

const line = (changes: Partial<NewGuardEvent> = {}) =>
  eventLine({ number: 1, ...guardEvent({ command: 'python3', address: '0.0.0.0', ...changes }) });

/** Heading and lines, without the bold of the heading. */
function shown(columns: number | undefined, ...events: Partial<NewGuardEvent>[]): string[] {
  const table = new EventTable(capturedIo({ columns, env: { NO_COLOR: '1' } }));
  const text = [table.heading(), ...events.map((event) => table.line(line(event)))].join('');
  return text.trimEnd().split('\n');
}

const LOCAL = new Date(EVENT_TIME).toLocaleString('sv-SE');

test('a file or a pipe gets all columns, and nothing is cut', () => {
  const long = { job: 'A'.repeat(64), address: '2001:db8:1111:2222:3333:4444:5555:6666' };
  const head = `${LOCAL}  refused   `;
  const user = 'alice        1000     4711  python3          80/tcp     ';
  const rule = 'EACCES      /etc/portreeve/profile.tcpip:12';
  assert.deepEqual(shown(undefined, {}, long), [
    'TIME                 VERDICT   JOB           USER          UID      PID  COMMAND          PORT       ' +
      'ADDRESS          ERRNO       RULE',
    `${head}ALICE         ${user}0.0.0.0          ${rule}`,
    `${head}${long.job}  ${user}${long.address}  ${rule}`,
  ]);
});

describe('on a terminal', () => {
  test('of 80 columns the most important columns are shown, and the line of the rule', () => {
    assert.deepEqual(shown(80, {}, { job: 'A-VERY-LONG-JOB', command: 'a-long-command' }), [
      'TIME                 VERDICT   JOB       COMMAND   PORT       RULE',
      `${LOCAL}  refused   ALICE     python3   80/tcp     …/profile.tcpip:12`,
      `${LOCAL}  refused   A-VERY-…  a-long-…  80/tcp     …/profile.tcpip:12`,
    ]);
  });

  test('no line is wider than the terminal, at any width', () => {
    const wide = { job: 'A'.repeat(64), command: 'x'.repeat(15), user: 'u'.repeat(32), uid: 4_294_967_294 };
    for (let columns = 80; columns <= 250; columns++) {
      for (const text of shown(columns, wide, { address: '2001:db8:1111:2222:3333:4444:5555:6666' })) {
        assert.ok(text.length <= columns, `${text.length} in ${columns}: ${text}`);
      }
    }
  });

  test('a wider terminal shows more', () => {
    const titles = (columns: number) => shown(columns)[0]?.split(/ +/) ?? [];
    assert.deepEqual(titles(90), ['TIME', 'VERDICT', 'JOB', 'COMMAND', 'PORT', 'RULE']);
    assert.ok(titles(110).includes('PID'));
    assert.ok(titles(120).includes('USER'));
    assert.equal(titles(200).length, 11);
  });

  test('the heading is bold', () => {
    const table = new EventTable(capturedIo({ columns: 80 }));
    assert.ok(table.heading().startsWith('\x1b[1mTIME ') && table.heading().endsWith('RULE\x1b[0m\n'));
  });
});

describe('other lines', () => {
  const last = (changes: Partial<NewGuardEvent>) => shown(undefined, changes)[1] ?? '';

  test('have the number of further binds', () => {
    assert.match(last({ kind: 'more', count: 4711, pid: undefined, command: undefined }), /and 4,711 more$/);
    assert.match(
      last({ ...LOST, kind: 'more', count: 1_234_567, uid: 1000 }),
      / - {8,}1000 .* and 1,234,567 more$/,
    );
  });

  test('have the number of lost binds', () => {
    assert.match(last(LOST), /^\S+ \S+ {2}lost {6}- .* 4,711 refusals were counted, and not recorded$/);
  });

  test('have a dash for what is unknown, and the uid of a user without a name', () => {
    assert.match(last({ rule: undefined }), / -$/);
    assert.match(last({ user: undefined }), / 1000 {8,}1000 /);
  });

  test('have no control characters', () => {
    assert.match(last({ command: 'a\x1b[2J\x9b', job: 'B\n' }), /B\\x0a .* a\\x1b\[2J\\x9b/);
  });
});
