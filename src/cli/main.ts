#!/usr/bin/env node
/** The command `parley`. It says so when Node is too old, before anything is loaded that an old one cannot read. */

import { nodeTooOld } from '../core/node-version.ts';

const problem = nodeTooOld();
if (problem !== undefined) {
  process.stderr.write(`${problem}\n`);
  process.exitCode = 1;
} else {
  const { runCommand } = await import('./commands.ts');
  process.exitCode = await runCommand(process.argv.slice(2));
}
