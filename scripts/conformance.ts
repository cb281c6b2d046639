/**
 * `npm run conformance`: which requirements are verified, by which tests. With `--mutate`: whether those tests notice when
 * what is sent is spoilt; `--only TYPE` does that for one event type. Exits with 1 on a hole.
 */

import { parseArgs } from 'node:util';
import { mutateAll } from './conformance/mutate.ts';
import { printTable } from './conformance/table.ts';

const { mutate, only } = parseArgs({ options: { mutate: { type: 'boolean' }, only: { type: 'string' } } }).values;
process.exitCode = (await (mutate ? mutateAll(only) : printTable())) ? 0 : 1;
