// What ports are called, which RPC programs are registered there, and who they are reserved for.
import { requireFailure } from '../../base/errors.ts';
import type { Protocol } from '../../base/port.ts';
import type { Files } from '../../host/host.ts';
import { serviceNames } from '../../names/app/service-names.ts';

/** An RPC program that is registered at a port. */
export interface RegisteredProgram {
  readonly program: number;
  readonly name: string | undefined;
  readonly protocol: Protocol;
  readonly port: number;
}

/** For whom a port is reserved, and the statement that reserves it. */
export interface ReservedFor {
  /** A job, or a pattern of jobs; RESERVED for no one; AUTHPORT for FTP servers. */
  readonly jobname: string;
  readonly rule: { readonly file: string; readonly line: number; readonly text: string };
}

/** The reservations of ports. */
export interface Reservations {
  /** In the order of the statements. */
  at(protocol: Protocol, port: number): readonly ReservedFor[];
}

/** Where names are from. A source that throws PortreeveError gives none, and the reason is a problem. */
export interface NameDeps {
  readonly files: Pick<Files, 'readText'>;
  /** What is registered with the port mapper of this host; empty where there is no port mapper. */
  readonly registrations: () => Promise<readonly RegisteredProgram[]>;
  /** Of the profile in force; undefined where no profile was ever applied. */
  readonly reservations: () => Promise<Reservations | undefined>;
}

/** What is said of ports. */
export interface PortNames {
  /** As /etc/services has it. */
  nameOf(port: number, protocol: Protocol): string | undefined;
  /** The RPC programs that are registered there. */
  programsOf(port: number, protocol: Protocol): readonly string[];
  /** Of the profile in force. */
  reservationsOf(port: number, protocol: Protocol): readonly ReservedFor[];
  /** What could not be read, and why: a sentence for each. */
  readonly problems: readonly string[];
}

const NONE: readonly never[] = [];

/** For whoever asks for none. */
export const NO_NAMES: PortNames = {
  nameOf: () => undefined,
  programsOf: () => NONE,
  reservationsOf: () => NONE,
  problems: [],
};

/** Gathers them; of each source no more is loaded than there is to see. */
export async function portNames(deps: NameDeps): Promise<PortNames> {
  const problems: string[] = [];
  const known = async <T>(read: () => Promise<T> | T): Promise<T | undefined> => {
    try {
      return await read();
    } catch (thrown) {
      problems.push(requireFailure(thrown).message);
      return undefined;
    }
  };
  const services = await known(() => serviceNames(deps.files));
  const programs = await known(() => readPrograms(deps));
  const reserved = await known(deps.reservations);
  return {
    nameOf: (port, protocol) => services?.nameOf(port, protocol),
    programsOf: (port, protocol) =>
      (programs?.size ? programs.get(`${port}/${protocol}`) : undefined) ?? NONE,
    reservationsOf: (port, protocol) => reserved?.at(protocol, port) ?? NONE,
    problems,
  };
}

/** By "111/tcp". */
async function readPrograms({ registrations }: NameDeps): Promise<Map<string, string[]>> {
  const programs = new Map<string, string[]>();
  for (const { port, protocol, program, name } of await registrations()) {
    const key = `${port}/${protocol}`;
    const text = name ?? `${program}`;
    const names = programs.get(key) ?? [];
    if (!names.includes(text)) programs.set(key, [...names, text]);
  }
  return programs;
}
