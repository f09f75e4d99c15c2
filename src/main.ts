// The program without a build: runs the sources as they are, or the files of dist one by one.
import { main } from './main/program.ts';

await main();
