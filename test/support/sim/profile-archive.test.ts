// Runs the tests of profile archives for the simulated one.
import { archiveCases } from '../profile-archive-cases.ts';
import { SimProfileArchive } from './profile-archive.ts';

archiveCases(() => new SimProfileArchive());
