// `portreeve stacks`: prints the ephemeral ranges of operating systems, and the port settings of this host.

import { PortreeveError, requireFailure } from '../../base/errors.ts';
import { nearest } from '../../base/nearest.ts';
import type { Column } from '../../base/table.ts';
import type { Io } from '../../kit/io.ts';
import { emphasize, formatTable, hangingLine, json } from '../../kit/text.ts';
import { type HostSetting, type HostStack, hostStack } from '../app/host-stack.ts';
import type { Stack, StackRange } from '../core/stack.ts';
import { STACKS, stacksNamed, stackWords } from '../core/stacks.ts';
import { contradictions, STRATUS_GUIDE, STRATUS_TABLE, type StratusRow } from '../core/stratus-table.ts';
import { hostStackDeps } from './deps.ts';
import type { StacksOptions } from './index.ts';

const HOST = 'host';
const STRATUS = 'stratus';

export function stacksCommand(name: string | undefined, options: StacksOptions, io: Io): number {
  const selection = select(name);
  if (options.json) io.out(json(jsonOf(selection)));
  else io.out(textOf(io, selection));
  return 0;
}

interface Selection {
  readonly stacks: readonly Stack[];
  /** Whether to print all that is known about each. */
  readonly isDetailed: boolean;
  /** This host; a string is the error that occurred. */
  readonly host: HostStack | string | undefined;
  readonly stratus: boolean;
}

function select(name: string | undefined): Selection {
  const nothing: Selection = { stacks: [], isDetailed: false, host: undefined, stratus: false };
  if (name === undefined) return { ...nothing, stacks: STACKS, host: readOrReport() };
  const word = name.toLowerCase();
  if (word === HOST) return { ...nothing, host: readHost() };
  if (word === STRATUS) return { ...nothing, stratus: true };
  const stacks = stacksNamed(word);
  if (!stacks) throw unknown(name);
  return { ...nothing, stacks, isDetailed: stacks.length === 1 };
}

function readHost(): HostStack {
  return hostStack(hostStackDeps());
}

/** An error must not prevent the list of the other systems. */
function readOrReport(): HostStack | string {
  try {
    return readHost();
  } catch (thrown) {
    return requireFailure(thrown).message;
  }
}

function unknown(name: string): PortreeveError {
  const close = nearest(name.toLowerCase(), [...stackWords(), HOST, STRATUS]);
  const hint = close === undefined ? 'For a list, run: portreeve stacks' : `Did you mean "${close}"?`;
  return new PortreeveError('STACK_UNKNOWN', `"${name}" is not a known system`, hint, { name });
}

/** Unknown and empty values are null. */
function jsonOf({ stacks, host, stratus }: Selection) {
  const systems = stacks.map((stack) => ({
    ...stack,
    privilegedBelow: stack.privilegedBelow ?? null,
    bounds: stack.bounds ?? null,
  }));
  return {
    systems,
    host: typeof host === 'object' ? hostJson(host) : null,
    stratus: stratus ? STRATUS_TABLE.map(stratusJson) : null,
  };
}

function hostJson({ reader, settings, problems }: HostStack) {
  const rows = settings.map((row) => ({ ...row, now: row.now ?? null, source: row.source ?? null }));
  return { reader, settings: rows, problems };
}

function stratusJson(row: StratusRow) {
  const { stack, wellKnown, registered, dynamic, remark } = row;
  return {
    stack,
    wellKnown: wellKnown ?? null,
    registered: registered ?? null,
    dynamic: dynamic ?? null,
    contradictions: contradictions(row),
    remark: remark === '' ? null : remark,
  };
}

function textOf(io: Io, selection: Selection): string {
  const parts: string[] = [];
  if (selection.isDetailed) parts.push(...selection.stacks.map((stack) => detailText(io, stack)));
  else if (selection.stacks.length > 0) parts.push(formatTable(io, COLUMNS, selection.stacks));
  if (typeof selection.host === 'string') parts.push(`cannot read this host's settings: ${selection.host}\n`);
  else if (selection.host) parts.push(hostText(io, selection.host));
  if (selection.stratus) parts.push(stratusText(io));
  return parts.join('\n');
}

const COLUMNS: readonly Column<Stack>[] = [
  { title: 'NAME', text: ({ id }) => id },
  { title: 'SYSTEM', text: ({ title }) => title },
  { title: 'IN USE', text: ({ group }) => group },
  { title: 'TCP', text: ({ ephemeral }) => rangeText(ephemeral.tcp) },
  { title: 'UDP', text: ({ ephemeral }) => rangeText(ephemeral.udp) },
];

function rangeText(range: StackRange | undefined): string {
  return range ? `${range.first}-${range.last}` : '';
}

function detailText(io: Io, stack: Stack): string {
  const { tcp, udp } = stack.ephemeral;
  const isSame = tcp.first === udp.first && tcp.last === udp.last;
  const lines: [label: string, texts: readonly string[]][] = [
    ['names', [[stack.id, ...stack.aliases].join(', ')]],
    ...(isSame
      ? [['TCP and UDP', [rangeText(tcp)]] satisfies [string, string[]]]
      : [
          ['TCP', [rangeText(tcp)]] satisfies [string, string[]],
          ['UDP', [rangeText(udp)]] satisfies [string, string[]],
        ]),
    ['privileged', [privilegeText(stack)]],
    ['show', stack.show],
    ['change', stack.change],
    ['limits', stack.bounds === undefined ? [] : [stack.bounds]],
    ['notes', stack.notes],
    ['sources', stack.sources.map(({ kind, text }) => `${SOURCE_TITLES[kind]}: ${text}`)],
  ];
  const width = Math.max(...lines.map(([label]) => label.length));
  const body = lines.flatMap(([label, texts]) =>
    texts.map((text, at) => hangingLine(io, `  ${(at === 0 ? label : '').padEnd(width)}  `, text)),
  );
  return [`${emphasize(io, stack.title)}\n`, ...body].join('');
}

const SOURCE_TITLES = {
  measured: 'measured',
  code: 'source code',
  manual: 'vendor',
  report: 'third party',
} as const;

function privilegeText({ privilegedBelow }: Stack): string {
  if (privilegedBelow === undefined) return 'not applicable';
  return privilegedBelow === 0 ? 'no ports' : `ports below ${privilegedBelow}`;
}

const HOST_COLUMNS: readonly Column<HostSetting>[] = [
  { title: 'THIS HOST', text: ({ key }) => key },
  { title: 'NOW', text: ({ now }) => (now === undefined ? 'not supported' : valueText(now)) },
  {
    title: 'AFTER REBOOT',
    text: ({ atBoot, differs }) => (differs ? `${valueText(atBoot)} !` : valueText(atBoot)),
  },
  { title: 'SOURCE', text: ({ source }) => source ?? 'kernel default' },
];

const valueText = (value: string) => (value === '' ? 'none' : value);

function hostText(io: Io, { settings, problems, reader }: HostStack): string {
  const differing = settings.filter(({ differs }) => differs);
  const note = differing.length === 0 ? [] : [`! changes at reboot (${READER_TEXTS[reader]})\n`];
  return [
    formatTable(io, HOST_COLUMNS, settings),
    ...note,
    ...problems.map((problem) => hangingLine(io, '! ', problem)),
  ].join('');
}

const READER_TEXTS = { systemd: 'read by systemd-sysctl', procps: 'read by sysctl --system' } as const;

const STRATUS_COLUMNS: readonly Column<StratusRow>[] = [
  { title: 'STACK', text: ({ stack }) => stack },
  { title: 'WELL KNOWN', text: ({ wellKnown }) => rangeText(wellKnown) },
  { title: 'REGISTERED', text: ({ registered }) => rangeText(registered) },
  { title: 'DYNAMIC', text: ({ dynamic }) => rangeText(dynamic) },
];

function stratusText(io: Io): string {
  const notes = STRATUS_TABLE.flatMap((row) =>
    [...contradictions(row), ...(row.remark === '' ? [] : [row.remark])].map((note) =>
      hangingLine(io, '- ', `${row.stack}: ${note}`),
    ),
  );
  const table = formatTable(io, STRATUS_COLUMNS, STRATUS_TABLE);
  return [hangingLine(io, '', STRATUS_GUIDE), '\n', table, '\n', ...notes].join('');
}
