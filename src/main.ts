// What bin/portreeve runs: looks at the version of Node, turns the compile cache on and starts the command line.
import module from 'node:module';

// Nothing else may be loaded before this: an older Node fails on its syntax.
if (/^(2[4-9]|[3-9][0-9]|[0-9]{3})\./.test(process.versions.node)) {
  // In the package and nowhere else: whoever can write there can write the program itself, whatever the umask.
  process.umask(process.umask(0o077) | 0o022);
  module.enableCompileCache(`${import.meta.dirname}/../dist/.cache`);
  const { main } = await import('./main/program.ts');
  await main();
} else {
  console.error(`portreeve: needs Node 24 or newer, but this is Node ${process.versions.node}`);
  process.exitCode = 3;
}
