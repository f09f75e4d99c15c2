// Starts the commands that are to be quick: as CommonJS, because Node loads less of itself then.
// Its cache is made here, and nobody else is to write to it: what is in it is run.
process.umask(process.umask(0o077) | 0o022);
require('node:module').enableCompileCache(`${__dirname}/../dist/.cache`);
require('../dist/quick.cjs');
