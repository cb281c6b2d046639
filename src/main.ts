#!/usr/bin/env node
/** The command `parley`. It says so when Node is too old, before anything is loaded that an old one cannot read. */

const oldestMajor = 24;

if (Number.parseInt(process.versions.node, 10) < oldestMajor) {
  process.stderr.write(
    `Parley needs Node.js ${oldestMajor} or newer; this is ${process.versions.node}. ` +
      'Install a newer one from https://nodejs.org, or run "npm start" in a clone, which brings its own.\n',
  );
  process.exitCode = 1;
} else {
  const { runCommand } = await import('./cli.ts');
  process.exitCode = await runCommand(process.argv.slice(2));
}

export {};
