/**
 * Writes the lists of requirements in dev/harness/requirements: `rules.json` from docs/protocol.md, and with
 * `--openapi FILE` (OpenAI's published document, the Realtime part as JSON) `openapi.json` too.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Requirement, requirementsOfDocument, rulesOfPage } from '../dev/harness/derive-requirements.ts';

const { openapi } = parseArgs({ options: { openapi: { type: 'string' } } }).values;
if (openapi !== undefined) {
  write('openapi.json', requirementsOfDocument(JSON.parse(readFileSync(openapi, 'utf8'))));
}
write('rules.json', rulesOfPage(readFileSync(new URL('../docs/protocol.md', import.meta.url), 'utf8')));

function write(name: string, requirements: readonly Requirement[]): void {
  const file = fileURLToPath(new URL(`../dev/harness/requirements/${name}`, import.meta.url));
  writeFileSync(file, `${JSON.stringify(requirements, null, 2)}\n`);
  console.log(`${requirements.length} requirements in ${file}`);
}
