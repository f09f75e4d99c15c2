// `portreeve explain`: all about one port, and first of all whether one can have it.

import { formatIp } from '../../base/address.ts';
import { EXIT_CODES, PortreeveError } from '../../base/errors.ts';
import { type Protocol, parsePort } from '../../base/port.ts';
import type { Io } from '../../kit/io.ts';
import { json } from '../../kit/text.ts';
import type { RegisteredProgram } from '../../portmap/core/registered-program.ts';
import type { Reservation } from '../../profile/core/rules.ts';
import { portsSeen } from '../../sockets/app/port-records.ts';
import { explain } from '../app/explain.ts';
import type { Explanation } from '../core/explain/explain.ts';
import { type ExplainOptions, quickExplainDoors } from './explain-deps.ts';
import { explanationText } from './explain-text.ts';

/** `portreeve explain` */
export async function explainCommand(what: string, options: ExplainOptions, io: Io): Promise<number> {
  const { port, protocols } = parseAsked(what);
  const explanations = await explain(port, protocols, quickExplainDoors(port, options, io));
  io.out(
    options.json ? json({ port, explanations: explanations.map(jsonOf) }) : explanationText(io, explanations),
  );
  const answers = explanations.map(({ answer }) => answer.can);
  if (answers.includes('no')) return EXIT_CODES.refused;
  return answers.includes('unsure') ? EXIT_CODES.world : 0;
}

/** Reads "80" and "80/tcp". Throws PortreeveError `PORT_INVALID` (usage). */
function parseAsked(text: string): { readonly port: number; readonly protocols: readonly Protocol[] } {
  const { digits = '', name } = /^(?<digits>[^/]*)(?:\/(?<name>.*))?$/s.exec(text)?.groups ?? {};
  const protocol = name?.toLowerCase();
  if (protocol === undefined) return { port: parsePort(digits), protocols: ['tcp', 'udp'] };
  if (protocol === 'tcp' || protocol === 'udp') return { port: parsePort(digits), protocols: [protocol] };
  const hint = 'Write a number from 1 to 65535, such as 80, or with its protocol, 80/tcp or 53/udp.';
  throw new PortreeveError('usage', 'PORT_INVALID', `"${text}" is not a port`, hint, { value: text });
}

function jsonOf(explanation: Explanation) {
  const { port, protocol, answer, holders, attempts, handout, kernel } = explanation;
  const { names, pools, stacks, badPort, refusals, untold, guard, revision, reservations } = explanation;
  return {
    port,
    protocol,
    answer: { ...answer, freeInMs: answer.freeInMs ?? null },
    holders: portsSeen({ sockets: holders, notSeen: 0 }, true).ports,
    binds: attempts.map(({ place, plain, reuseAddress, reusePort }) => ({
      address: place.text,
      v6Only: place.v6Only,
      plain: plain.answer,
      reuseAddress: reuseAddress.answer,
      reusePort: reusePort.answer,
    })),
    you: standingJson(explanation.you),
    root: standingJson(explanation.root),
    clients: { kind: handout.kind, range: kernel.ephemeral, firstTo: handout.firstTo ?? null },
    unprivilegedStart: kernel.unprivilegedStart,
    guard: guard ?? null,
    revision: revision ?? null,
    reservations: reservations?.map(reservationJson) ?? null,
    names: { ...names, registered: names.registered?.map(registrationJson) ?? null },
    pools,
    handedOutBy: stacks.handingOut.map(({ id, title, group, ephemeral }) => ({
      id,
      title,
      group,
      ...ephemeral[protocol],
    })),
    safeOn: stacks.safe.map(({ id }) => id),
    refusedByBrowsers: badPort !== undefined,
    refusals:
      refusals?.map(({ latestMs, ...refusal }) => ({
        ...refusal,
        latest: new Date(latestMs).toISOString(),
      })) ?? null,
    untold,
  };
}

function standingJson({ verdict, ...standing }: Explanation['you']) {
  return {
    ...standing,
    user: standing.user ?? null,
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
