/** Profiles for the tests of port settings, built without a text. */

import type { Port, Protocol } from '../../src/base/port.ts';
import {
  EMPTY_PROFILE,
  type Profile,
  type ProtocolSettings,
  type RuleSource,
} from '../../src/profile/core/rules.ts';

export type Range = readonly [first: number, last: number];

/** The contents of a profile. */
export interface ProfileContents {
  readonly tcp?: readonly Range[];
  readonly udp?: readonly Range[];
  readonly tcpEphemeral?: Range;
  readonly udpEphemeral?: Range;
  readonly restricted?: Protocol;
}

const source = (text: string): RuleSource => ({ file: 'profile.tcpip', line: 1, text });

export function profileOf(contents: ProfileContents): Profile {
  const reservations = (['tcp', 'udp'] as const).flatMap((protocol) =>
    (contents[protocol] ?? []).map(([first, last]) => ({
      protocol,
      first: first as Port,
      last: last as Port,
      isRange: first !== last,
      use: { kind: 'RESERVED' } as const,
      options: { autolog: true },
      source: source(`${first} ${last - first + 1} ${protocol.toUpperCase()} RESERVED`),
    })),
  );
  return { ...EMPTY_PROFILE, reservations, tcp: settings('tcp', contents), udp: settings('udp', contents) };
}

function settings(protocol: Protocol, contents: ProfileContents): ProtocolSettings {
  const range = protocol === 'tcp' ? contents.tcpEphemeral : contents.udpEphemeral;
  const [first, last] = range ?? [];
  return {
    ...(first === undefined || last === undefined
      ? {}
      : {
          ephemeralPorts: {
            first: first as Port,
            last: last as Port,
            source: source(`${protocol.toUpperCase()}CONFIG EPHEMERALPORTS ${first} ${last}`),
          },
        }),
    ...(contents.restricted === protocol
      ? {
          lowPorts: {
            isRestricted: true,
            source: source(`${protocol.toUpperCase()}CONFIG RESTRICTLOWPORTS`),
          },
        }
      : {}),
  };
}
