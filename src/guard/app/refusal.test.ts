// Whether the guard refused a port to portreeve, by which rule, and what to change.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jobCalled } from '../../../test/support/jobs.ts';
import { ip } from '../../../test/support/service.ts';
import { SimCgroups } from '../../../test/support/sim/cgroups.ts';
import { simHost } from '../../../test/support/sim/host.ts';
import { SimProfileArchive } from '../../../test/support/sim/profile-archive.ts';
import { parsePort } from '../../base/port.ts';
import { carryOut, planApply } from '../../profile/app/apply.ts';
import { guardRefusal, type JudgedBy, type JudgedProcess, type WantedPort } from './refusal.ts';

const HOME = '/system.slice/portreeve.service';
const WANTED: WantedPort = { address: ip('127.0.0.1'), port: parsePort('111'), protocol: 'tcp' };

/** A host on which profiles were applied, one after another; the last one is enforced for the whole host. */
function fixture(...profiles: readonly string[]) {
  const host = simHost({ files: { '/etc/passwd': 'root:x:0:0::/:/bin/sh\n' } });
  const archive = new SimProfileArchive();
  for (const text of profiles) {
    host.files.write('/etc/p', text);
    const deps = { files: host.files, archive, clock: host.clock, uid: 0 };
    const reading = { zosNames: false, symbols: {} };
    const request = { verb: 'apply', path: '/etc/p', reading, keepGoing: false, tcpname: 'TCPIP' } as const;
    carryOut(deps, planApply(deps, { ...request, racf: undefined }));
  }
  const cgroups = new SimCgroups();
  cgroups.add(HOME);
  const made = cgroups.make(HOME, 'PORTMAP-1', 'PORTMAP', 0);
  const self: JudgedProcess = { uid: 0, cgroup: made.path, namespace: 7n };
  const root = cgroups.at('/')?.id ?? assert.fail();
  const by: JudgedBy = {
    state: {
      mode: 'enforce',
      isAttached: true,
      namespaces: [7n],
      home: 7n,
      cgroupId: root,
      revision: profiles.length,
    },
    jobs: {
      cgroups: new Map([[made.id, jobCalled('PORTMAP')]]),
      users: new Map([[0, jobCalled('ROOT')]]),
    },
    choices: { authportJobs: [], omvsJob: undefined },
    archive,
    cgroups,
    files: host.files,
  };
  const ask = (
    state: Partial<JudgedBy['state']> = {},
    process: Partial<JudgedProcess> = {},
    wanted = WANTED,
  ) => guardRefusal(wanted, { ...self, ...process }, { ...by, state: { ...by.state, ...state } });
  return { ask, cgroups };
}

test('names the job, the rule with its file and line, and the change for each protocol', () => {
  const { ask } = fixture('PORT 80 TCP WEB', 'PORT\n 111 TCP ROOT\n 111 UDP ROOT\n');
  const refusal = ask();
  assert.deepEqual([refusal?.code, refusal?.kind], ['GUARD_REFUSED', 'environment']);
  assert.equal(
    refusal?.message,
    'the guard refuses port 111/tcp to the job PORTMAP, by /etc/p:2: 111 TCP ROOT',
  );
  assert.equal(
    refusal?.hint,
    'In the profile: PORT 111 TCP PORTMAP; PORT 111 UDP PORTMAP, instead of the entry at /etc/p:3. ' +
      'Then: portreeve apply FILE',
  );
  assert.deepEqual(
    [refusal?.data['job'], refusal?.data['revision'], refusal?.data['line']],
    ['PORTMAP', 2, 2],
  );
  // What counts is the profile that is enforced, not the last one applied.
  assert.equal(ask({ revision: 1 }), undefined);
});

test('is undefined where the job has the port, or the guard does not judge', () => {
  assert.equal(fixture('PORT 111 TCP PORTMAP').ask(), undefined);
  assert.equal(fixture('PORT 111 TCP PORT*').ask(), undefined);
  const { ask, cgroups } = fixture('PORT 111 TCP ROOT');
  assert.ok(ask());
  assert.equal(ask({ mode: 'observe' }), undefined);
  assert.equal(ask({ mode: 'off' }), undefined);
  assert.equal(ask({ isAttached: false }), undefined);
  assert.equal(ask({ namespaces: [8n], home: 8n }), undefined);
  assert.ok(ask({ namespaces: [7n, 8n], home: 8n }));
  assert.equal(ask({ cgroupId: cgroups.add('/other').id }), undefined);
  assert.ok(ask({ cgroupId: cgroups.at(HOME)?.id ?? 0n }));
});

test('names the job of the process where it could not become PORTMAP', () => {
  const { ask } = fixture('PORT 111 TCP PORTMAP 112 TCP ROOT');
  const refusal = ask({}, { cgroup: HOME });
  assert.match(refusal?.message ?? '', /to the job ROOT, by/);
  assert.match(refusal?.hint ?? '', /PORT 111 TCP ROOT\./);
  assert.equal(ask({}, { cgroup: HOME }, { ...WANTED, port: parsePort('112') }), undefined);
  assert.match(ask({}, { cgroup: '/gone', uid: 4711 })?.message ?? '', /to the job UNKNOWN/);
});

for (const [profile, port, hint] of [
  ['PORT 111 TCP RESERVED', '111', /PORT 111 TCP PORTMAP, instead of the entry at \/etc\/p:1/],
  [
    'PORTRANGE 100 20 TCP ROOT',
    '111',
    /PORT 111 TCP PORTMAP, after removing the port from the range at \/etc\/p:1/,
  ],
  ['PORT UNRSV TCP WEB WHENBIND', '2111', /In the profile: PORT 2111 TCP PORTMAP\. /],
  ['PORT UNRSV TCP * DENY', '2111', /In the profile: PORT 2111 TCP PORTMAP\. /],
  ['PORT 111 TCP PORTMAP SAF RES', '111', /In the profile: no SAF in \/etc\/p:1\. /],
] as const) {
  test(`describes the change that "${profile}" needs`, () => {
    const refusal = fixture(profile).ask({}, {}, { ...WANTED, port: parsePort(port) });
    assert.match(refusal?.hint ?? '', hint);
  });
}
