/** `parley key`: creates an API key and its entry for the configuration file. */

import { randomBytes } from 'node:crypto';
import { readApiKeys, writtenHash } from '../config/api-keys.ts';
import { parseFlags, UsageError } from './flags.ts';

const usage = `Create an API key. It is printed once, because the configuration file contains only its hash.

  parley key [--name NAME] [--project PROJECT] [--operator]

  --name NAME        the name of the key in the log and the metrics
  --project PROJECT  the project of its sessions (default: default)
  --operator         allow it to list and view the sessions of all projects, and read the metrics
`;

const keyBytes = 32;

/** Prints the key and its entry for `api-keys`; returns the exit code. */
export function makeKey(args: readonly string[]): number {
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(usage);
    return 0;
  }
  let options: { name?: string; project?: string; operator?: boolean };
  try {
    ({ values: options } = parseFlags('key', args, {
      name: { type: 'string' },
      project: { type: 'string' },
      operator: { type: 'boolean' },
    }));
  } catch (error) {
    if (error instanceof UsageError) return complain(error.message);
    throw error;
  }
  const key = `sk-parley-${randomBytes(keyBytes).toString('base64url')}`;
  const entry = { ...options, hash: writtenHash(key) };
  const read = readApiKeys([entry]);
  if ('problem' in read) return complain(`Expected ${read.problem.expected}.`);
  const lines = Object.entries(entry).map(([name, value]) => `${name}: ${JSON.stringify(value)}`);
  process.stdout.write(
    `${key}\n\nIt is not shown again. Its entry in the configuration file:\n\napi-keys:\n  - ${lines.join('\n    ')}\n`,
  );
  return 0;
}

function complain(what: string): number {
  process.stderr.write(`${what}\n\n${usage}`);
  return 2;
}
