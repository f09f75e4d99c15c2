// What bin/portreeve runs, as dist/start.cjs: checks the version of Node and starts the program.

// Nothing else may be loaded before this: an older Node fails on its syntax.
if (/^(2[4-9]|[3-9][0-9]|[0-9]{3})\./.test(process.versions.node)) {
  void import('./main/compiled.ts').then(({ startProgram }) => startProgram(import.meta.dirname));
} else {
  console.error(`portreeve: needs Node 24 or newer, but this is Node ${process.versions.node}`);
  process.exitCode = 3;
}
