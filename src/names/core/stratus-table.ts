// The table of Stratus's guide to choosing ports, quoted unchanged, and the contradictions in it.
import { PORT_MAX, PORT_MIN } from '../../base/port.ts';
import type { StackRange } from './stack.ts';

export const STRATUS_GUIDE = 'Selecting TCP Ports Numbers for Fun, Profit, and Reliability (Stratus, 2008)';

/** The range that it recommends for all systems, although two rows of its table have dynamic ports in it. */
export const STRATUS_ADVICE: StackRange = { first: 5001, last: 9999 };

/** A row; undefined is an empty cell. */
export interface StratusRow {
  readonly stack: string;
  readonly wellKnown: StackRange | undefined;
  readonly registered: StackRange | undefined;
  readonly dynamic: StackRange | undefined;
  /** Differences in the text of the guide or in later versions; may be "". */
  readonly remark: string;
}

const range = (first: number, last: number): StackRange => ({ first, last });
const row = (
  stack: string,
  wellKnown: StackRange | undefined,
  registered: StackRange | undefined,
  dynamic: StackRange | undefined,
  remark = '',
): StratusRow => ({ stack, wellKnown, registered, dynamic, remark });

const LOW = range(1, 1023);
const REGISTERED = range(1024, 49_151);
const DYNAMIC = range(49_152, 65_535);

/** "Port Ranges for IANA and each TCP stack supported Stratus". */
export const STRATUS_TABLE: readonly StratusRow[] = [
  row('IANA', LOW, REGISTERED, DYNAMIC),
  row('TCP_OS', LOW, range(5001, 65_535), range(1024, 5000)),
  row('STCP (TCP pre stcp-1098)', LOW, range(1024, 9999), range(10_000, 65_535)),
  row('STCP (TCP post stcp-1098)', LOW, REGISTERED, DYNAMIC),
  row(
    'STCP (UDP ports)',
    range(1, 1024),
    undefined,
    range(1025, 65_535),
    'in the text, the dynamic ports begin at 1024',
  ),
  row('STCP (UDP post stcp-2119)', LOW, REGISTERED, DYNAMIC),
  row('HP-UX 11x', LOW, REGISTERED, DYNAMIC),
  row('FTX 3.3 (and earlier)', LOW, range(6124, 65_535), range(1024, 6123)),
  row('FTX 3.4 (and later)', LOW, REGISTERED, DYNAMIC),
  row('ftServer', range(1, 1024), range(5001, 65_535), range(1024, 5000)),
  row('Linux 2.2', LOW, range(5000, 65_535), range(1024, 4999)),
  row(
    'Linux 2.4 (and later)',
    LOW,
    range(1024, 32_767),
    range(32_768, 61_000),
    'since Linux 4.2 the dynamic ports end at 60999',
  ),
];

/** The contradictions in a row: ports that are in two of its ranges or in none. */
export function contradictions({ wellKnown, registered, dynamic }: StratusRow): string[] {
  const columns = [
    { name: 'well known', range: wellKnown },
    { name: 'registered', range: registered },
    { name: 'dynamic', range: dynamic },
  ].flatMap(({ name, range }) => (range ? [{ name, ...range }] : []));
  const found: string[] = [];
  columns.forEach((one, at) => {
    for (const other of columns.slice(at + 1)) {
      const shared = range(Math.max(one.first, other.first), Math.min(one.last, other.last));
      if (shared.first <= shared.last) found.push(`${portsText(shared)} both ${one.name} and ${other.name}`);
    }
  });
  let next = PORT_MIN;
  for (const { first, last } of columns.toSorted((a, b) => a.first - b.first)) {
    if (first > next) found.push(`${portsText(range(next, first - 1))} in no range`);
    next = Math.max(next, last + 1);
  }
  if (next <= PORT_MAX) found.push(`${portsText(range(next, PORT_MAX))} in no range`);
  return found;
}

function portsText({ first, last }: StackRange): string {
  return first === last ? `${first} is` : `${first}-${last} are`;
}
