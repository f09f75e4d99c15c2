// How the program starts: it runs only its own files, and only its user can write what it makes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { STRANGER, USER, userSandbox } from '../support/user-sandbox.ts';

/** The shells by which a script can be called without its path; bash also searches PATH for it. */
for (const shell of ['sh', 'bash', 'dash']) {
  test(`"${shell} portreeve" runs nothing that is next to the current directory`, async (t) => {
    const at = await userSandbox(t);
    if (!at) return;
    const script = `mkdir -p /tmp/bin /tmp/dist /tmp/here
      echo 'node=echo; echo theirs' >/tmp/bin/find-node
      touch /tmp/dist/start.cjs
      chown -R ${STRANGER} /tmp/*
      cd /tmp/here
      command -v ${shell} >/dev/null || exit 0
      PATH=${at.checkout}/bin:$PATH ${shell} portreeve --version`;
    const { stdout, stderr } = await at.sandbox.run(['sh', '-c', script]);
    assert.equal(stdout, '');
    assert.match(stderr, /^$|^portreeve: call it by its path|cannot open/i);
  });
}

test('with umask 0 only root can write the directories that root makes', async (t) => {
  const at = await userSandbox(t);
  if (!at) return;
  const script = `umask 0 && cd /tmp && echo 'PORT 8080 TCP WEB' >profile &&
    ${at.program} apply --state /tmp/made/by/root profile >&2 && find /tmp/made -type d -printf '%m %p\\n'`;
  const { stdout, stderr } = await at.sandbox.run(['sh', '-c', script]);
  assert.equal(stdout, '755 /tmp/made\n755 /tmp/made/by\n755 /tmp/made/by/root\n', stderr);
});

/** Each part is executed by root's units. */
for (const part of ['start.cjs', 'portreeve.cjs', '.cache']) {
  test(`install refuses a program if another user owns dist/${part}`, async (t) => {
    const at = await userSandbox(t);
    if (!at) return;
    const { sandbox, checkout, program } = at;
    const dist = `${checkout}/dist`;
    const prepare = `mkdir /run/.dist /run/.dist-work &&
      mount -t overlay -o lowerdir=${dist},upperdir=/run/.dist,workdir=/run/.dist-work dist ${dist} &&
      chown ${USER} ${dist}/${part}`;
    const { code, stderr: trouble } = await sandbox.run(['sh', '-c', prepare]);
    assert.equal(code, 0, trouble);
    const { stderr } = await sandbox.run([program, 'install', '--dry-run']);
    assert.match(stderr, /error\[PROGRAM_UNTRUSTED\]/);
    assert.ok(stderr.includes(`${dist}/${part} belongs to uid ${USER}\n`), stderr);
  });
}
