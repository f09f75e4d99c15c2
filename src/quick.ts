// Where the commands begin that are to be quick; the build makes one file of this and all that it needs.
import { quickCall, runQuickly } from './main/quick-commands.ts';

const call = quickCall(process.argv.slice(2));
if (call) void runQuickly(call);
else void import('./main.ts');
