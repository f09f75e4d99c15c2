// The sources of port names and reservations other than /etc/services: registrations and the profile.
import type { Reservations } from '../sockets/app/port-names.ts';
import type { PortSources } from '../sockets/commands/ports-deps.ts';

export const sources: PortSources = {
  registrations: async (io) => {
    const { registrationsHere } = await import('../portmap/commands/registrations-here.ts');
    return await registrationsHere(io);
  },
  reservations,
};

/** The reservations of the profile that was applied last, from the state directory. */
export async function reservations(state: string): Promise<Reservations> {
  const [{ reservedPorts }, { SqliteProfileArchive }] = await Promise.all([
    import('../profile/app/reserved.ts'),
    import('../profile/linux/profile-archive.ts'),
  ]);
  return reservedPorts(new SqliteProfileArchive(state));
}
