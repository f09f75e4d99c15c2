// The simulated archive of profiles does what the real one does.
import { archiveCases } from '../profile-archive-cases.ts';
import { SimProfileArchive } from './profile-archive.ts';

archiveCases(() => new SimProfileArchive());
