// `portreeve stacks`: which ports operating systems give to clients, and this host beside what its files say.

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

/** Words that ask for something else than a system. */
const HOST = 'host';
const STRATUS = 'stratus';

export function stacksCommand(name: string | undefined, options: StacksOptions, io: Io): number {
  const asked = whatIsAsked(name);
  if (options.json) io.out(json(jsonOf(asked)));
  else io.out(textOf(io, asked));
  return 0;
}

interface Asked {
  readonly stacks: readonly Stack[];
  /** Each with all that is known of it. */
  readonly inFull: boolean;
  readonly host: HostStack | string | undefined;
  readonly stratus: boolean;
}

function whatIsAsked(name: string | undefined): Asked {
  const nothing: Asked = { stacks: [], inFull: false, host: undefined, stratus: false };
  if (name === undefined) return { ...nothing, stacks: STACKS, host: readOrReport() };
  const word = name.toLowerCase();
  if (word === HOST) return { ...nothing, host: look() };
  if (word === STRATUS) return { ...nothing, stratus: true };
  const stacks = stacksNamed(word);
  if (!stacks) throw unknown(name);
  return { ...nothing, stacks, inFull: stacks.length === 1 };
}

function look(): HostStack {
  return hostStack(hostStackDeps());
}

/** The other systems are shown whatever this host does not tell. */
function readOrReport(): HostStack | string {
  try {
    return look();
  } catch (thrown) {
    return requireFailure(thrown).message;
  }
}

function unknown(name: string): PortreeveError {
  const close = nearest(name.toLowerCase(), [...stackWords(), HOST, STRATUS]);
  const hint =
    close === undefined ? 'portreeve stacks lists those that are known.' : `Do you mean "${close}"?`;
  return new PortreeveError('STACK_UNKNOWN', `"${name}" is no system that is known`, hint, { name });
}

/** What is not known or empty is null. */
function jsonOf({ stacks, host, stratus }: Asked) {
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
  const rows = settings.map((row) => ({ ...row, now: row.now ?? null, saidAt: row.saidAt ?? null }));
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

function textOf(io: Io, asked: Asked): string {
  const parts: string[] = [];
  if (asked.inFull) parts.push(...asked.stacks.map((stack) => fullText(io, stack)));
  else if (asked.stacks.length > 0) parts.push(formatTable(io, COLUMNS, asked.stacks));
  if (typeof asked.host === 'string') parts.push(`this host does not tell: ${asked.host}\n`);
  else if (asked.host) parts.push(hostText(io, asked.host));
  if (asked.stratus) parts.push(stratusText(io));
  return parts.join('\n');
}

const COLUMNS: readonly Column<Stack>[] = [
  { title: 'NAME', text: ({ id }) => id },
  { title: 'SYSTEM', text: ({ title }) => title },
  { title: 'MET', text: ({ group }) => group },
  { title: 'TCP', text: ({ ephemeral }) => rangeText(ephemeral.tcp) },
  { title: 'UDP', text: ({ ephemeral }) => rangeText(ephemeral.udp) },
];

function rangeText(range: StackRange | undefined): string {
  return range ? `${range.first}-${range.last}` : '';
}

function fullText(io: Io, stack: Stack): string {
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
    ['privilege', [privilegeText(stack)]],
    ['to see it', stack.see],
    ['to change it', stack.change],
    ['bounds', stack.bounds === undefined ? [] : [stack.bounds]],
    ['notes', stack.notes],
    ['sources', stack.sources.map(({ kind, text }) => `${SOURCE_WORDS[kind]}: ${text}`)],
  ];
  const width = Math.max(...lines.map(([label]) => label.length));
  const body = lines.flatMap(([label, texts]) =>
    texts.map((text, at) => hangingLine(io, `  ${(at === 0 ? label : '').padEnd(width)}  `, text)),
  );
  return [`${emphasize(io, stack.title)}\n`, ...body].join('');
}

const SOURCE_WORDS = {
  measured: 'measured',
  code: 'source code',
  manual: 'its maker',
  report: 'others',
} as const;

function privilegeText({ privilegedBelow }: Stack): string {
  if (privilegedBelow === undefined) return 'does not apply';
  return privilegedBelow === 0 ? 'none is needed for low ports' : `to bind a port below ${privilegedBelow}`;
}

const HOST_COLUMNS: readonly Column<HostSetting>[] = [
  { title: 'THIS HOST', text: ({ key }) => key },
  { title: 'NOW', text: ({ now }) => (now === undefined ? 'not there' : valueText(now)) },
  {
    title: 'AFTER A BOOT',
    text: ({ atBoot, differs }) => (differs ? `${valueText(atBoot)} !` : valueText(atBoot)),
  },
  { title: 'SAID BY', text: ({ saidAt }) => saidAt ?? 'the kernel' },
];

const valueText = (value: string) => (value === '' ? 'none' : value);

function hostText(io: Io, { settings, problems, reader }: HostStack): string {
  const differing = settings.filter(({ differs }) => differs);
  const note = differing.length === 0 ? [] : [`! a boot changes it (${READER_WORDS[reader]})\n`];
  return [
    formatTable(io, HOST_COLUMNS, settings),
    ...note,
    ...problems.map((problem) => hangingLine(io, '! ', problem)),
  ].join('');
}

const READER_WORDS = { systemd: 'read by systemd-sysctl', procps: 'read by sysctl --system' } as const;

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
