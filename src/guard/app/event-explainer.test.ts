// The statements and names that events are reported with: the rules of each revision, and the user database.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { jobCalled } from '../../../test/support/jobs.ts';
import { revision } from '../../../test/support/profile-archive-cases.ts';
import { SimClock } from '../../../test/support/sim/clock.ts';
import { SimFiles } from '../../../test/support/sim/files.ts';
import { SimProfileArchive } from '../../../test/support/sim/profile-archive.ts';
import type { ErrorCode } from '../../base/error-catalog.ts';
import { PortreeveError } from '../../base/errors.ts';
import { RevisionRules, UserNames } from './event-explainer.ts';

const REFUSED = {
  reason: 'RESERVED_FOR_OTHERS',
  protocol: 'tcp',
  address: { family: 4, bytes: new Uint8Array(4) },
  port: 80,
  uid: 1000,
} as const;

describe('the rules', () => {
  const texts = (text: string) => [{ path: '/etc/portreeve/profile.tcpip', text }];

  /** Revision 1 has the reservation on line 1, revision 2 on line 3. */
  function archive(): SimProfileArchive {
    const made = new SimProfileArchive();
    made.append(revision({ texts: texts('PORT 80 TCP WEB\n') }), 0);
    made.append(revision({ texts: texts('; moved\n\nPORT 80 TCP WEB\n') }), 1);
    return made;
  }

  test('are those of the revision', () => {
    const rules = new RevisionRules(archive(), { authportJobs: [] });
    const line = (number: number) => rules.of(number)?.ruleOf(REFUSED, jobCalled('MAIL'))?.line;
    assert.deepEqual([line(1), line(2)], [1, 3]);
    assert.equal(rules.of(1)?.ruleOf(REFUSED, jobCalled('MAIL'))?.file, '/etc/portreeve/profile.tcpip');
  });

  test('are unknown for a revision that is not recorded, until it is', () => {
    const made = archive();
    const rules = new RevisionRules(made, { authportJobs: [] });
    assert.equal(rules.of(3), undefined);
    made.append(revision({ texts: texts('PORT 80 TCP WEB\n') }), 2);
    assert.notEqual(rules.of(3), undefined);
  });

  test('are read once while they are in use', () => {
    const made = archive();
    const rules = new RevisionRules(made, { authportJobs: [] });
    const first = rules.of(1);
    assert.equal(rules.of(1), first);
    rules.of(2);
    assert.equal(rules.of(1), first);
    made.append(revision(), 2);
    rules.of(3);
    assert.equal(rules.of(1), first);
    rules.of(2);
    rules.of(3);
    assert.notEqual(rules.of(1), first);
  });

  test('are unknown if the archive cannot be read, but a bug is thrown', () => {
    const failing = (code: ErrorCode) => {
      const made = archive();
      made.heads = () => {
        throw new PortreeveError(code, 'could not open it');
      };
      return new RevisionRules(made, { authportJobs: [] });
    };
    assert.equal(failing('ARCHIVE_FAILED').of(1), undefined);
    assert.throws(() => failing('BUG').of(1), { code: 'BUG' });
  });
});

describe('the names', () => {
  const passwd = (name: string) =>
    `root:x:0:0::/:/bin/sh\n${name}:x:1000:100::/:/bin/sh\nsecond:x:1000:100::/:/bin/sh\n`;

  test('are those of the first account, and new ones are seen within a second', () => {
    const clock = new SimClock();
    const files = new SimFiles({ '/etc/passwd': passwd('alice') }, 1);
    const names = new UserNames(files, clock);
    assert.deepEqual([names.of(0), names.of(1000), names.of(1001)], ['root', 'alice', undefined]);
    files.write('/etc/passwd', passwd('bob'));
    clock.advance(999);
    assert.equal(names.of(1000), 'alice');
    clock.advance(1);
    assert.equal(names.of(1000), 'bob');
  });

  test('are the last that could be read', () => {
    const clock = new SimClock();
    const files = new SimFiles({ '/etc/passwd': passwd('alice') }, 1);
    const names = new UserNames(files, clock);
    names.of(0);
    files.forbid('/etc/passwd');
    clock.advance(1000);
    assert.equal(names.of(1000), 'alice');
  });
});
