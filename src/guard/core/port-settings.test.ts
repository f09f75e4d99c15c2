// The planned port settings for a profile, together with changes by other programs.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type ProfileContents, profileOf } from '../../../test/support/range-profiles.ts';
import { PortreeveError } from '../../base/errors.ts';
import type { SysctlChange } from '../../base/sysctl-change.ts';
import { PORT_RANGE, RESERVED_PORTS } from '../../names/core/kernel-ports.ts';
import { EMPTY_PROFILE } from '../../profile/core/rules.ts';
import { type PortSettingPlan, type PortSettings, planPortSettings } from './port-settings.ts';

const USUAL: PortSettings = { reservedPorts: '', portRange: '32768\t60999', unprivilegedStart: '1024' };

function plan(
  words: ProfileContents,
  settings: Partial<PortSettings> = {},
  record: readonly SysctlChange[] = [],
): PortSettingPlan {
  return planPortSettings(profileOf(words), { ...USUAL, ...settings }, record);
}

/** The planned value of a setting, and the value to restore when the guard is removed. */
function outcome(
  { writes }: PortSettingPlan,
  name: string,
): { value: string | undefined; found: string | undefined } {
  const write = writes.find((each) => each.name === name);
  return { value: write?.value, found: write?.found };
}

const codes = ({ notes }: PortSettingPlan): string[] => notes.map(({ code }) => code);

function reservedRecord(found: string, written: string, before?: string): SysctlChange[] {
  return [{ name: RESERVED_PORTS, found, written, before }];
}

function rangeRecord(found: string, written: string, before?: string): SysctlChange[] {
  return [{ name: PORT_RANGE, found, written, before }];
}

describe('reserved ports', () => {
  test('are those of TCP and UDP, in the single list of Linux', () => {
    const words: ProfileContents = {
      tcp: [
        [80, 80],
        [4000, 4001],
      ],
      udp: [
        [53, 53],
        [4001, 4003],
      ],
    };
    assert.deepEqual(outcome(plan(words), RESERVED_PORTS), { value: '53,80,4000-4003', found: '' });
  });

  test('are added to those that were found', () => {
    const { writes } = plan({ tcp: [[80, 80]] }, { reservedPorts: '79,8080' });
    assert.deepEqual(writes[0], {
      name: RESERVED_PORTS,
      current: '79,8080',
      value: '79-80,8080',
      found: '79,8080',
    });
  });

  test('of all ports are one range', () => {
    assert.equal(
      outcome(plan({ udp: [[1, 65535]] }, { reservedPorts: '0' }), RESERVED_PORTS).value,
      '0-65535',
    );
  });

  const base = reservedRecord('9,100', '9,80,100');
  const changes: [name: string, words: ProfileContents, current: string, value: string, found: string][] = [
    ['nothing changed', { tcp: [[80, 80]] }, '9,80,100', '9,80,100', '9,100'],
    ['the profile has another', { tcp: [[81, 81]] }, '9,80,100', '9,81,100', '9,100'],
    ['the profile has none', {}, '9,80,100', '9,100', '9,100'],
    ['others added one', { tcp: [[80, 80]] }, '9,80,100,7000', '9,80,100,7000', '9,100,7000'],
    ['others removed one of their ports', { tcp: [[80, 80]] }, '80,100', '80,100', '100'],
    ['others removed one of the guard’s ports', { tcp: [[80, 80]] }, '9,100', '9,80,100', '9,100'],
    ['others wrote a list of their own', { tcp: [[80, 80]] }, '7000', '80,7000', '7000'],
    ['others wrote their ports, and the profile has none', {}, '7000', '7000', '7000'],
    ['the profile has one that was found', { tcp: [[100, 100]] }, '9,80,100', '9,100', '9,100'],
  ];
  for (const [name, words, current, value, found] of changes) {
    test(`after an earlier write: ${name}`, () => {
      const planned = plan(words, { reservedPorts: current }, base);
      assert.deepEqual(outcome(planned, RESERVED_PORTS), { value, found });
    });
  }

  test('that another program removed are reported', () => {
    const [note] = plan({ tcp: [[80, 81]] }, { reservedPorts: '9' }, reservedRecord('9', '9,80-81')).notes;
    assert.equal(note?.code, 'RESERVED_PORTS_REMOVED');
    assert.match(note.message, /another program removed 2 ports of the profile from/);
    assert.deepEqual(codes(plan({}, { reservedPorts: '9' }, reservedRecord('9', '9,80-81'))), []);
  });

  // The list is written piece by piece: of an interrupted write, the beginning is there.
  for (const [name, current] of [
    ['not begun', '9,100'],
    ['cut off', '9'],
    ['done', '9,80,100'],
    ['cut off, and others have added one', '9,7000'],
  ] as const) {
    test(`with a write that was ${name}`, () => {
      const others = current.includes('7000') ? '9,100,7000' : '9,100';
      const record = reservedRecord('9,100', '9,80,100', '9,100');
      const planned = plan({}, { reservedPorts: current }, record);
      assert.deepEqual(outcome(planned, RESERVED_PORTS), { value: others, found: others });
      assert.deepEqual(codes(planned), []);
    });
  }
});

test('ports of an earlier write are not taken for those of others if the new write had not started', () => {
  const record = reservedRecord('9', '9,81', '9,80');
  assert.equal(
    outcome(plan({ tcp: [[82, 82]] }, { reservedPorts: '9,80' }, record), RESERVED_PORTS).value,
    '9,82',
  );
});

describe('the range of EPHEMERALPORTS', () => {
  const value = (planned: PortSettingPlan) => outcome(planned, PORT_RANGE).value;

  test('is that of both protocols', () => {
    const planned = plan({ tcpEphemeral: [20000, 40000], udpEphemeral: [20000, 40000] });
    assert.deepEqual(outcome(planned, PORT_RANGE), { value: '20000\t40000', found: '32768\t60999' });
    assert.deepEqual(codes(planned), []);
    assert.equal(planned.ephemeralPorts, 20001);
  });

  for (const [words, other] of [
    [{ tcpEphemeral: [20000, 40000] }, 'UDP'],
    [{ udpEphemeral: [20000, 40000] }, 'TCP'],
  ] as const) {
    test(`also applies to ${other} if only the other one specifies it`, () => {
      const planned = plan(words);
      assert.equal(value(planned), '20000\t40000');
      assert.deepEqual(codes(planned), ['EPHEMERAL_PORTS_SHARED']);
      assert.match(planned.notes[0]?.message ?? '', new RegExp(`applies to ${other}$`));
    });
  }

  test('is the intersection where they differ', () => {
    const planned = plan({ tcpEphemeral: [20000, 40000], udpEphemeral: [30000, 50000] });
    assert.equal(value(planned), '30000\t40000');
    assert.deepEqual(codes(planned), ['EPHEMERAL_PORTS_DIFFER']);
    assert.match(planned.notes[0]?.message ?? '', /20000-40000 for TCP and 30000-50000 for UDP/);
  });

  test('is not used where they have nothing in common', () => {
    const planned = plan({ tcpEphemeral: [20000, 30000], udpEphemeral: [30001, 50000] });
    assert.equal(value(planned), '32768\t60999');
    assert.deepEqual(codes(planned), ['EPHEMERAL_PORTS_DIFFER']);
    assert.match(planned.notes[0]?.message ?? '', /neither is used/);
    assert.equal(value(plan({ tcpEphemeral: [20000, 30000], udpEphemeral: [30000, 50000] })), '30000\t30000');
  });

  test('starts at ip_unprivileged_port_start or above', () => {
    const planned = plan(
      { tcpEphemeral: [1024, 65535], udpEphemeral: [1024, 65535] },
      { unprivilegedStart: '2000' },
    );
    assert.equal(value(planned), '2000\t65535');
    assert.deepEqual(codes(planned), ['EPHEMERAL_PORTS_LOW']);
    assert.equal(value(plan({ tcpEphemeral: [1024, 65535] }, { unprivilegedStart: '1024' })), '1024\t65535');
    const none = plan({ tcpEphemeral: [1024, 1999] }, { unprivilegedStart: '2000' });
    assert.equal(value(none), '32768\t60999');
    assert.deepEqual(codes(none), ['EPHEMERAL_PORTS_SHARED', 'EPHEMERAL_PORTS_LOW']);
  });

  const record = rangeRecord('32768\t60999', '20000\t40000');
  const wants: ProfileContents = { tcpEphemeral: [20000, 40000], udpEphemeral: [20000, 40000] };
  const changes: [name: string, words: ProfileContents, current: string, value: string, found: string][] = [
    ['nothing changed', wants, '20000\t40000', '20000\t40000', '32768\t60999'],
    ['the profile no longer has a range', {}, '20000\t40000', '32768\t60999', '32768\t60999'],
    ['others set another', wants, '1024\t65535', '20000\t40000', '1024\t65535'],
    ['others set another, and the profile has none', {}, '1024\t65535', '1024\t65535', '1024\t65535'],
  ];
  for (const [name, words, current, expected, found] of changes) {
    test(`after an earlier write: ${name}`, () => {
      const planned = plan(words, { portRange: current }, record);
      assert.deepEqual(outcome(planned, PORT_RANGE), { value: expected, found });
      const isReported = name === 'others set another';
      assert.deepEqual(codes(planned), isReported ? ['PORT_RANGE_CHANGED'] : []);
    });
  }

  for (const current of ['32768\t60999', '20000\t40000']) {
    test(`with a write that may have been interrupted at ${current}`, () => {
      const unfinished = rangeRecord('10000\t11000', '20000\t40000', '32768\t60999');
      assert.deepEqual(outcome(plan({}, { portRange: current }, unfinished), PORT_RANGE), {
        value: '10000\t11000',
        found: '10000\t11000',
      });
    });
  }
});

describe('the ports that remain for automatic assignment', () => {
  test('are those of the range that are not reserved', () => {
    const planned = plan(
      {
        tcp: [
          [32000, 32767],
          [40000, 40009],
        ],
      },
      { reservedPorts: '60999-65535' },
    );
    assert.equal(planned.ephemeralPorts, 60999 - 32768 + 1 - 10 - 1);
    assert.deepEqual(codes(planned), []);
  });

  for (const [last, isReported] of [
    [24_999, false],
    [24_998, true],
  ] as const) {
    test(`are ${last - 19_999}: ${isReported ? 'reported' : 'not reported'}`, () => {
      const planned = plan({ tcpEphemeral: [20_000, last], udpEphemeral: [20_000, last] });
      assert.equal(planned.ephemeralPorts, last - 19_999);
      assert.deepEqual(codes(planned), isReported ? ['CLIENT_PORTS_FEW'] : []);
    });
  }

  test('and their number is reported', () => {
    const [note] = plan({ tcp: [[32768, 60989]] }).notes;
    assert.equal(note?.code, 'CLIENT_PORTS_FEW');
    assert.match(
      note.message,
      /^only 10 ports of the ephemeral range 32768-60999 can be assigned: 28222 of its 28232 ports are reserved$/,
    );
    const [none] = plan({ tcp: [[1, 65535]] }).notes;
    assert.match(none?.message ?? '', /^no port of the ephemeral range/);
    const [one] = plan({ tcp: [[32768, 60998]] }).notes;
    assert.match(one?.message ?? '', /^only 1 port of the ephemeral range/);
  });

  test('are not checked for a profile without ports', () => {
    assert.deepEqual(codes(planPortSettings(EMPTY_PROFILE, { ...USUAL, portRange: '40000\t40009' }, [])), []);
  });
});

describe('RESTRICTLOWPORTS', () => {
  for (const [start, ports] of [
    ['0', '1-1023'],
    ['80', '80-1023'],
    ['1023', '1023'],
    ['1024', undefined],
    ['2000', undefined],
  ] as const) {
    test(`where Linux restricts what is below ${start}: ${ports ?? 'nothing'} is reported`, () => {
      for (const restricted of ['tcp', 'udp'] as const) {
        const { notes } = plan({ restricted }, { unprivilegedStart: start });
        assert.deepEqual(
          notes.map(({ code }) => code),
          ports === undefined ? [] : ['LOW_PORTS_OPEN'],
        );
        if (ports !== undefined)
          assert.match(notes[0]?.message ?? '', new RegExp(`bind the ports ${ports}\\.`));
      }
    });
  }

  test('without it nothing is reported', () => {
    assert.deepEqual(codes(plan({ tcp: [[80, 80]] }, { unprivilegedStart: '0' })), []);
  });
});

test('a kernel without the settings', () => {
  const none = { reservedPorts: undefined, portRange: undefined, unprivilegedStart: undefined };
  const planned = plan({ tcp: [[80, 80]], tcpEphemeral: [20000, 40000] }, none);
  assert.deepEqual(planned.writes, []);
  assert.equal(planned.ephemeralPorts, undefined);
  assert.deepEqual(codes(planned), ['SYSCTL_MISSING', 'EPHEMERAL_PORTS_SHARED', 'SYSCTL_MISSING']);
  assert.deepEqual(codes(plan({}, none)), []);
});

describe('settings in an unknown format are refused', () => {
  const settings: Partial<PortSettings>[] = [
    { reservedPorts: '80,' },
    { portRange: '32768' },
    { portRange: '60999\t32768' },
    { portRange: '32768\t65536' },
    { unprivilegedStart: '' },
    { unprivilegedStart: '65537' },
  ];
  for (const each of settings) {
    test(JSON.stringify(each), () => {
      assert.throws(
        () => plan({}, each),
        (thrown) => thrown instanceof PortreeveError && thrown.code === 'SYSCTL_UNKNOWN',
      );
    });
  }
});
