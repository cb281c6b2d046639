/**
 * `npm run conformance`: the requirements and the tests that verify them. `--mutate` checks that those tests fail when
 * events are modified; `--only TYPE` does so for one event type. Exits with 1 if anything is missing.
 */

import { parseArgs } from 'node:util';
import { mutateAll } from './conformance/mutate.ts';
import { printTable } from './conformance/table.ts';

const { mutate, only } = parseArgs({ options: { mutate: { type: 'boolean' }, only: { type: 'string' } } }).values;
process.exitCode = (await (mutate ? mutateAll(only) : printTable())) ? 0 : 1;
