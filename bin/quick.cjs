// Starts the commands that are to be quick: as CommonJS, because Node loads less of itself then.
require('node:module').enableCompileCache(`${__dirname}/../dist/.cache`);
require('../dist/quick.cjs');
