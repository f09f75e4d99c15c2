// The command `portreeve explain`: explains a port, and whether it can be bound.

import { formatIp } from '../../base/address.ts';
import { EXIT_CODES } from '../../base/errors.ts';
import { isInRange, type Protocol } from '../../base/port.ts';
import type { Io } from '../../kit/io.ts';
import { json } from '../../kit/text.ts';
import { expandPorts } from '../../names/commands/port-arguments.ts';
import type { RegisteredProgram } from '../../portmap/core/registered-program.ts';
import type { Reservation } from '../../profile/core/rules.ts';
import { portsReport } from '../../sockets/app/port-records.ts';
import { explain } from '../app/explain.ts';
import { OTHER_PLACES } from '../core/explain/attempts.ts';
import type { Explanation } from '../core/explain/explain.ts';
import { quickExplainDeps } from './explain-deps.ts';
import { explanationText } from './explain-text.ts';
import type { ExplainOptions } from './index.ts';

/** `portreeve explain` */
export async function explainCommand(
  args: readonly string[],
  options: ExplainOptions,
  io: Io,
): Promise<number> {
  const requested = [...Map.groupBy(expandPorts(args), ({ first }) => first)];
  const deps = quickExplainDeps(options, io);
  const explained: Explanation[][] = [];
  for (const [port, ranges] of requested) {
    const protocols = PROTOCOLS.filter((protocol) =>
      ranges.some((range) => isInRange(port, protocol, range)),
    );
    explained.push(await explain(port, protocols, deps));
  }
  if (options.json) {
    const only = requested.length === 1 ? { port: requested[0]?.[0] } : {};
    io.out(json({ ...only, explanations: explained.flat().map(jsonOf) }));
  } else io.out(explained.map((explanations) => explanationText(io, explanations)).join('\n'));
  return Math.max(...explained.map(exitCodeOf));
}

const PROTOCOLS: readonly Protocol[] = ['tcp', 'udp'];

function exitCodeOf(explanations: readonly Explanation[]): number {
  const answers = explanations.map(({ answer }) => answer.available);
  if (answers.includes('no')) return EXIT_CODES.refused;
  return answers.includes('unknown') ? EXIT_CODES.environment : 0;
}

function jsonOf(explanation: Explanation) {
  const { port, protocol, answer, holders, attempts, allocation, kernel } = explanation;
  const { names, defaultRanges, systems, badPort, refusals, unknown, guard, revision, reservations } =
    explanation;
  return {
    port,
    protocol,
    answer: {
      ...answer,
      remedies: answer.remedies.map(({ text, command }) => ({ text, command: command ?? null })),
      freeInMs: answer.freeInMs ?? null,
    },
    holders: portsReport({ sockets: holders, hiddenProcesses: 0 }, true).ports,
    binds: attempts.map(({ place, plain, reuseAddress, reusePort }) => ({
      family: place.address.family,
      address: OTHER_PLACES.includes(place) ? null : formatIp(place.address),
      v6Only: place.v6Only,
      plain: plain.answer,
      reuseAddress: reuseAddress.answer,
      reusePort: reusePort.answer,
    })),
    you: binderJson(explanation.you),
    root: binderJson(explanation.root),
    ephemeral: {
      kind: allocation.kind,
      range: kernel.ephemeral,
      preferredBy: allocation.preferredBy ?? null,
    },
    unprivilegedStart: kernel.unprivilegedStart,
    guard: guard ?? null,
    revision: revision ?? null,
    reservations: reservations?.map(reservationJson) ?? null,
    names: {
      services: names.services,
      iana: names.iana,
      rpcPrograms: names.registered?.map(registrationJson) ?? null,
    },
    defaultRanges,
    ephemeralOn: systems.inside.map(({ id, title, group, ephemeral }) => ({
      id,
      title,
      group,
      ...ephemeral[protocol],
    })),
    notEphemeralOn: systems.outside.map(({ id }) => id),
    blockedByBrowsers: badPort !== undefined,
    refusals:
      refusals?.map(({ count, latestMs, verdict, job, user, command, rule }) => ({
        count,
        latest: new Date(latestMs).toISOString(),
        verdict,
        job: job ?? null,
        user: user ?? null,
        command: command ?? null,
        rule: rule ?? null,
      })) ?? null,
    unknown,
  };
}

function binderJson({ verdict, ...binder }: Explanation['you']) {
  return {
    ...binder,
    user: binder.user ?? null,
    verdict: verdict
      ? { allowed: verdict.allowed, reason: verdict.reason, rule: verdict.rule ?? null }
      : null,
  };
}

function reservationJson({ first, last, use, source }: Reservation) {
  return { first, last, jobname: use.kind === 'JOB' ? use.pattern : use.kind, rule: source };
}

function registrationJson({ address, name, owner, ...registration }: RegisteredProgram) {
  return { ...registration, name: name ?? null, address: formatIp(address), owner: owner ?? null };
}
