// The names of ports: service names, registered RPC programs, and the jobs that ports are reserved for.
import { requireFailure } from '../../base/errors.ts';
import type { Protocol } from '../../base/port.ts';
import type { Files } from '../../host/host.ts';
import { serviceNames } from '../../names/app/service-names.ts';

/** An RPC program that is registered on a port. */
export interface RegisteredProgram {
  readonly program: number;
  readonly name: string | undefined;
  readonly protocol: Protocol;
  readonly port: number;
}

/** The job that a port is reserved for, and the statement that reserves it. */
export interface ReservedFor {
  /** A job or a job pattern; RESERVED (no job) or AUTHPORT (FTP servers). */
  readonly jobname: string;
  readonly rule: { readonly file: string; readonly line: number; readonly text: string };
}

export interface Reservations {
  /** In statement order. */
  at(protocol: Protocol, port: number): readonly ReservedFor[];
}

/** The sources of names. One that throws PortreeveError is skipped, and its message is added to the problems. */
export interface NameDeps {
  readonly files: Pick<Files, 'readText'>;
  /** The registrations of this host's port mapper; empty if there is none. */
  readonly registrations: () => Promise<readonly RegisteredProgram[]>;
  /** Of the profile in force; undefined if no profile was ever applied. */
  readonly reservations: () => Promise<Reservations | undefined>;
}

export interface PortNames {
  /** From /etc/services. */
  nameOf(port: number, protocol: Protocol): string | undefined;
  programsOf(port: number, protocol: Protocol): readonly string[];
  reservationsOf(port: number, protocol: Protocol): readonly ReservedFor[];
  /** Messages about sources that could not be read. */
  readonly problems: readonly string[];
}

const NONE: readonly never[] = [];

/** For a caller that does not need names. */
export const NO_NAMES: PortNames = {
  nameOf: () => undefined,
  programsOf: () => NONE,
  reservationsOf: () => NONE,
  problems: [],
};

/** Reads all sources. */
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

/** By port and protocol: "111/tcp". */
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
