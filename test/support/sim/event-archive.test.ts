// Runs the tests of event archives for the simulated one.
import { eventArchiveCases } from '../event-archive-cases.ts';
import { SimEventArchive } from './event-archive.ts';

eventArchiveCases((_t, max) => new SimEventArchive(max));
