// What names and reserves ports beside /etc/services, for the feature that lists them: registrations and the profile.
import type { Reservations } from '../sockets/app/port-names.ts';
import type { PortSources } from '../sockets/commands/ports-deps.ts';

export const sources: PortSources = {
  registrations: async (io) => {
    const { registrationsHere } = await import('../portmap/commands/registrations-here.ts');
    return await registrationsHere(io);
  },
  reservations,
};

/** Of the profile that was applied last, as the state directory has it. */
export async function reservations(state: string): Promise<Reservations> {
  const [{ reservedPorts }, { SqliteProfileArchive }] = await Promise.all([
    import('../profile/app/reserved.ts'),
    import('../profile/linux/profile-archive.ts'),
  ]);
  return reservedPorts(new SqliteProfileArchive(state));
}
