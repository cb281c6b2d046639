#!/usr/bin/env node
/** The command `parley`. Checks the version of Node before loading files that old versions cannot parse. */

import { nodeTooOld } from '../core/node-version.ts';

const problem = nodeTooOld();
if (problem !== undefined) {
  process.stderr.write(`${problem}\n`);
  process.exitCode = 1;
} else {
  const { runCommand } = await import('./commands.ts');
  process.exitCode = await runCommand(process.argv.slice(2));
}
