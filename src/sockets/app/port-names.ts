// What ports are called, which RPC programs are registered there, and who they are reserved for.
import { requireFailure } from '../../base/errors.ts';
import type { Protocol } from '../../base/port.ts';
import type { Files } from '../../host/host.ts';
import { serviceNames } from '../../names/app/service-names.ts';
import type { RegisteredProgram } from '../../portmap/core/registered-program.ts';
import type { ReservedFor } from '../../profile/app/reserved.ts';
import type { ProfileArchive } from '../../profile/core/archive.ts';

/** Where names are from. What throws PortreeveError says nothing, and why is told. */
export interface NameDoors {
  readonly files: Pick<Files, 'readText'>;
  /** What is registered with the port mapper of this host; none where there is none. */
  readonly registrations: () => Promise<
    readonly Pick<RegisteredProgram, 'program' | 'name' | 'port' | 'protocol'>[]
  >;
  /** What was applied; undefined where nothing ever was. */
  readonly archive: () => Promise<ProfileArchive | undefined>;
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
export async function portNames(doors: NameDoors): Promise<PortNames> {
  const problems: string[] = [];
  const told = async <T>(read: () => Promise<T> | T): Promise<T | undefined> => {
    try {
      return await read();
    } catch (thrown) {
      problems.push(requireFailure(thrown).message);
      return undefined;
    }
  };
  const services = await told(() => serviceNames(doors.files));
  const programs = await told(() => readPrograms(doors));
  const reserved = await told(() => readReserved(doors));
  return {
    nameOf: (port, protocol) => services?.nameOf(port, protocol),
    programsOf: (port, protocol) =>
      (programs?.size ? programs.get(`${port}/${protocol}`) : undefined) ?? NONE,
    reservationsOf: (port, protocol) => reserved?.at(protocol, port) ?? NONE,
    problems,
  };
}

/** By "111/tcp". */
async function readPrograms({ registrations }: NameDoors): Promise<Map<string, string[]>> {
  const programs = new Map<string, string[]>();
  for (const { port, protocol, program, name } of await registrations()) {
    const key = `${port}/${protocol}`;
    const text = name ?? `${program}`;
    const names = programs.get(key) ?? [];
    if (!names.includes(text)) programs.set(key, [...names, text]);
  }
  return programs;
}

async function readReserved(doors: NameDoors) {
  const archive = await doors.archive();
  if (!archive) return undefined;
  const [{ profileInForce }, { ReservedPorts }] = await Promise.all([
    import('../../profile/app/in-force.ts'),
    import('../../profile/app/reserved.ts'),
  ]);
  return new ReservedPorts(profileInForce(archive).profile);
}
