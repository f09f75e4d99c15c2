// The simulated archive of events does what the real one does.
import { eventArchiveCases } from '../event-archive-cases.ts';
import { SimEventArchive } from './event-archive.ts';

eventArchiveCases((_t, max) => new SimEventArchive(max));
